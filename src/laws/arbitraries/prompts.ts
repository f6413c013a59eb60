/**
 * Configs of methods that act on whole language models: virtual tokens, prompted attention, and skills by task.
 */
import * as fc from 'fast-check';
import { adaptionPrompt } from '../../adapters/methods/adaption-prompt.js';
import { cartridge } from '../../adapters/methods/cartridge.js';
import { cpt } from '../../adapters/methods/cpt.js';
import { multitaskPromptTuning } from '../../adapters/methods/multitask-prompt-tuning.js';
import { pTuning } from '../../adapters/methods/p-tuning.js';
import { poly } from '../../adapters/methods/poly.js';
import { prefixTuning } from '../../adapters/methods/prefix-tuning.js';
import { promptTuning } from '../../adapters/methods/prompt-tuning.js';
import type { ModelSpec } from '../../models/spec.js';
import {
  adaptionPromptForward,
  multitaskForward,
  polyForward,
  prefixForward,
  softForward,
} from '../definitions/forward.js';
import { languageModel } from './language.js';
import type { MethodArbitrary } from './method-arbitrary.js';

type Config = Readonly<Record<string, unknown>>;

const whole = { models: languageModel, runs: true } as const;

const tokens = fc.constantFrom(2, 1, 3);

/** An arbitrary of a prompt method: some virtual tokens, maybe a head of its own, and the method's settings. */
const prompted = (
  drawn: Pick<MethodArbitrary, 'method' | 'forward'>,
  settings: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
  plain: Config = {},
): MethodArbitrary => ({
  ...drawn,
  ...whole,
  algebras: ['prompt'],
  plain: { num_virtual_tokens: 2, task_type: 'CAUSAL_LM', ...plain },
  config: () =>
    fc
      .record({
        num_virtual_tokens: tokens,
        modules_to_save: fc.constantFrom(null, null, ['lm_head']),
        own: fc.record(settings),
      })
      .map(({ own, ...common }) => ({ task_type: 'CAUSAL_LM', ...common, ...own })),
});

const cptArbitrary: MethodArbitrary = {
  ...prompted({ method: cpt, forward: softForward }, {}, { cpt_token_ids: [0, 1] }),
  config: () =>
    // labels in the prompt have no gradient, which differences do not know
    fc.array(fc.constantFrom(1, 2, 3, 5, 6, 7), { minLength: 1, maxLength: 4 }).map((types) => ({
      task_type: 'CAUSAL_LM',
      cpt_token_ids: types.map((t) => t % 5),
      cpt_mask: types.map(() => 1),
      cpt_tokens_type_mask: types,
    })),
};

const layersOf = (spec: ModelSpec): number => spec.config['num_hidden_layers'] as number;

/** One arbitrary a method. */
export const promptArbitraries: ReadonlyArray<MethodArbitrary> = [
  prompted(
    { method: promptTuning, forward: softForward },
    { prompt_tuning_init: fc.constantFrom('RANDOM', 'SAMPLE_VOCAB') },
  ),
  prompted(
    { method: pTuning, forward: softForward },
    { encoder_reparameterization_type: fc.constantFrom('MLP', 'LSTM'), encoder_hidden_size: fc.constantFrom(null, 3) },
  ),
  prompted(
    { method: prefixTuning, forward: prefixForward },
    { prefix_projection: fc.boolean(), init_weights: fc.constantFrom(null, 'zero') },
  ),
  // frozen tokens have no gradient, which differences do not know
  prompted(
    { method: cartridge, forward: prefixForward },
    { num_frozen_tokens: fc.constant(0) },
    { num_frozen_tokens: 0 },
  ),
  prompted(
    { method: multitaskPromptTuning, forward: multitaskForward },
    { num_tasks: fc.constantFrom(2, 3), num_ranks: fc.constantFrom(1, 2) },
    { num_tasks: 2 },
  ),
  cptArbitrary,
  {
    method: adaptionPrompt,
    forward: adaptionPromptForward,
    ...whole,
    algebras: ['routed'],
    plain: { adapter_len: 2, adapter_layers: 1 },
    config: (spec) =>
      fc.record({
        adapter_len: tokens,
        adapter_layers: fc.integer({ min: 1, max: layersOf(spec) }),
        target_modules: fc.constantFrom(null, 'self_attn'),
      }),
  },
  {
    method: poly,
    forward: polyForward,
    ...whole,
    algebras: ['routed'],
    plain: { target_modules: ['q_proj'], r: 2, n_tasks: 2, n_skills: 2 },
    config: () =>
      // two splits divide the sizes of attention alone
      fc
        .constantFrom([1, ['q_proj', 'v_proj', 'down_proj']] as const, [2, ['q_proj', 'v_proj']] as const)
        .chain(([n_splits, names]) =>
          fc.record({
            target_modules: fc.subarray([...names], { minLength: 1 }),
            r: fc.constantFrom(1, 2, 5),
            n_tasks: fc.constantFrom(2, 3),
            n_skills: fc.constantFrom(1, 3),
            n_splits: fc.constant(n_splits),
            init_weights: fc.boolean(),
          }),
        ),
  },
];
