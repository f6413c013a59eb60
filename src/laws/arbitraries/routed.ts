/**
 * Adapters whose forward pass routes.
 */
import * as fc from 'fast-check';
import { shadow } from '../../adapters/methods/shadow/shadow.js';
import { xlora } from '../../adapters/methods/xlora/xlora.js';
import type { ModelSpec } from '../../models/spec.js';
import { shadowForward } from '../definitions/shadow.js';
import { languageModel } from './language.js';
import type { MethodArbitrary } from './method-arbitrary.js';

type Config = Readonly<Record<string, unknown>>;

const targets = (spec: ModelSpec): ReadonlyArray<string> => [
  ...new Set(
    spec.modules
      .filter((m) => ['Linear', 'Conv1D', 'Embedding'].includes(m.kind))
      .map((m) => m.name.slice(m.name.lastIndexOf('.') + 1))
      .filter((name) => name !== 'out_proj'),
  ),
];

const expert = (names: ReadonlyArray<string>): fc.Arbitrary<Config> =>
  fc
    .record({
      r: fc.constantFrom(1, 2, 5),
      lora_alpha: fc.constantFrom(1, 2, 3),
      use_rslora: fc.boolean(),
      target_modules: fc.subarray([...names], { minLength: 1 }),
    })
    .map((fields) => ({ peft_type: 'LORA', ...fields }));

const numbered = (experts: ReadonlyArray<Config>): Config =>
  Object.fromEntries(experts.map((fields, i) => [String(i), { path: `somewhere/${i}`, fields }]));

/** X-LoRA with one to three experts on different modules, and shadows of Llamas. */
export const routedArbitraries: ReadonlyArray<MethodArbitrary> = [
  {
    method: xlora,
    algebras: ['routed'],
    config: (spec) =>
      fc
        .record({
          experts: fc.array(expert(targets(spec)), { minLength: 1, maxLength: 3 }),
          fields: fc.record({
            enable_softmax: fc.boolean(),
            global_scaling_weight: fc.constantFrom(1, 0.5),
            layerwise_scalings: fc.boolean(),
            top_k_lora: fc.constantFrom(null, 1),
            use_trainable_adapters: fc.boolean(),
            xlora_depth: fc.constantFrom(1, 2, 3),
            xlora_dropout_p: fc.constantFrom(0, 0.2),
          }),
        })
        .map(({ experts, fields }) => ({ ...fields, hidden_size: 3, xlora_size: 2, adapters: numbered(experts) })),
    plain: {
      hidden_size: 3,
      adapters: numbered([{ peft_type: 'LORA', r: 2, target_modules: ['q_proj'] }]),
    },
  },
  {
    method: shadow,
    forward: shadowForward,
    models: languageModel,
    runs: true,
    algebras: ['routed'],
    plain: { task_type: 'CAUSAL_LM', r: 2 },
    config: () =>
      fc.record({
        task_type: fc.constant('CAUSAL_LM'),
        r: fc.constantFrom(1, 2, 5),
        init_weights: fc.boolean(),
        modules_to_save: fc.constantFrom(null, null, ['lm_head']),
        shadow_alpha: fc.constantFrom(0.1, 1),
        shadow_hidden_size: fc.constantFrom(null, 3),
        shadow_intermediate_size: fc.constantFrom(null, 2),
        shadow_num_hidden_layers: fc.constantFrom(null, 2),
        share_embeddings: fc.boolean(),
        target_modules: fc.constantFrom(null, ['layers.0']),
        update_hidden_size: fc.constantFrom(null, 3),
      }),
  },
];
