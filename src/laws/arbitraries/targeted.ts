/**
 * Configs of methods that act on modules of some kinds.
 */
import * as fc from 'fast-check';
import { adalora } from '../../adapters/methods/adalora.js';
import { beft } from '../../adapters/methods/beft.js';
import { glora } from '../../adapters/methods/glora.js';
import { hira } from '../../adapters/methods/hira.js';
import { ia3 } from '../../adapters/methods/ia3.js';
import { lnTuning } from '../../adapters/methods/ln-tuning.js';
import { loha } from '../../adapters/methods/loha.js';
import { lokr } from '../../adapters/methods/lokr.js';
import { shira } from '../../adapters/methods/shira.js';
import { trainableTokens } from '../../adapters/methods/trainable-tokens.js';
import { vera } from '../../adapters/methods/vera.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { noLessLawful } from '../law.js';
import {
  beftDefinition,
  gloraDefinition,
  ia3Definition,
  lnTuningDefinition,
  shiraDefinition,
  trainableTokensDefinition,
} from '../definitions/entries.js';
import { adaloraDefinition } from '../definitions/low-rank.js';
import { hiraDefinition, lohaDefinition, lokrDefinition } from '../definitions/products.js';
import { veraDefinition } from '../definitions/shared.js';
import type { MethodArbitrary } from './method-arbitrary.js';
import { modelSpec } from './models.js';

type Config = Readonly<Record<string, unknown>>;

const shortName = (m: ModuleSpec): string => m.name.slice(m.name.lastIndexOf('.') + 1);

/** Names of the modules that `fits` takes, without the projection that belongs to nn.MultiheadAttention. */
const names = (spec: ModelSpec, fits: (m: ModuleSpec) => boolean): ReadonlyArray<string> => [
  ...new Set(
    spec.modules
      .filter(fits)
      .map(shortName)
      .filter((name) => name !== 'out_proj'),
  ),
];

/** Modules of some kinds. */
export const isOf =
  (...kinds: ReadonlyArray<ModuleSpec['kind']>) =>
  (m: ModuleSpec): boolean =>
    kinds.includes(m.kind);

const ungrouped = (m: ModuleSpec): boolean => (m.conv?.groups ?? 1) === 1;

/** What a method's configs are drawn from. */
interface Drawn extends Pick<MethodArbitrary, 'method' | 'algebras' | 'definition' | 'forward' | 'models'> {
  readonly fits: (m: ModuleSpec) => boolean;
  readonly settings: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  readonly plain: Config;
}

/** An arbitrary of configs that target modules by the ends of their names. */
export const arbitrary = ({ fits, settings, plain, ...drawn }: Drawn): MethodArbitrary => ({
  ...drawn,
  plain: { target_modules: ['q_proj'], ...plain },
  config: (spec, atMost) =>
    fc
      .record({
        targets: fc.subarray([...names(spec, fits)], { minLength: 1 }),
        save: fc.boolean(),
        own: fc.record(settings),
      })
      .map(({ targets, save, own }) => ({
        target_modules: targets,
        ...own,
        ...(save && noLessLawful('replacement', atMost) ? { modules_to_save: ['norm'] } : {}),
      })),
});

/** What most methods are: additive, or with copies of modules beside. */
export const additive: ReadonlyArray<Algebra> = ['additive', 'replacement'];
/** Ranks. */
export const rank = fc.constantFrom(2, 1, 3, 8);
/** Strengths. */
export const alpha = fc.constantFrom(1, 2, 0.5, 3, 16);
const patterns = {
  rank_pattern: fc.constantFrom({}, { q_proj: 3 }, { 'layers.1.up_proj': 1 }),
  alpha_pattern: fc.constantFrom({}, { q_proj: 5 }, { 'layers.0.conv': 4 }),
};

/** A matrix that has room for one number in each row and each column together. */
const roomy = (m: ModuleSpec): boolean => {
  const [rows = 0, columns = 0] = m.params['weight'] ?? [];
  return m.kind === 'Linear' && rows + columns <= rows * columns;
};

const ia3Arbitrary: MethodArbitrary = {
  method: ia3,
  definition: ia3Definition,
  algebras: ['diagonal', 'replacement', 'dependent'],
  plain: { target_modules: ['q_proj'], feedforward_modules: [] },
  config: (spec, atMost) =>
    fc
      .subarray([...names(spec, isOf('Linear', 'Conv1D', 'Conv2d', 'Conv3d'))], {
        minLength: 1,
      })
      .chain((targets) =>
        fc
          .record({ feedforward_modules: fc.subarray(targets), save: fc.boolean(), fan_in_fan_out: fc.boolean() })
          .map(({ save, ...own }) => ({
            target_modules: targets,
            ...own,
            ...(save && noLessLawful('replacement', atMost) ? { modules_to_save: ['norm'] } : {}),
          })),
      ),
};

const tokens: MethodArbitrary = {
  method: trainableTokens,
  definition: trainableTokensDefinition,
  algebras: ['replacement'],
  plain: { target_modules: ['embed_tokens'], token_indices: [0] },
  config: (spec) => {
    const rows = spec.modules.find((m) => shortName(m) === 'embed_tokens')?.params['weight']?.[0] ?? 1;
    return fc.record({
      target_modules: fc.constantFrom(null, ['embed_tokens'], '.*embed_tokens'),
      token_indices: fc.uniqueArray(fc.nat(rows - 1), { minLength: 1, maxLength: Math.min(rows, 4) }),
      init_weights: fc.boolean(),
    });
  },
};

/** One arbitrary a method. */
export const targetedArbitraries: ReadonlyArray<MethodArbitrary> = [
  arbitrary({
    method: adalora,
    definition: adaloraDefinition,
    algebras: additive,
    fits: (m) => ungrouped(m) && isOf('Linear', 'Conv1D', 'Conv2d')(m),
    settings: {
      init_r: rank,
      lora_alpha: fc.constantFrom(0, 1, 2, 8),
      total_step: fc.constant(10),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { init_r: 2, total_step: 10 },
  }),
  arbitrary({
    method: beft,
    definition: beftDefinition,
    algebras: ['additive', 'replacement', 'routed'],
    fits: isOf('Linear'),
    settings: {},
    plain: {},
    models: modelSpec.filter((spec) =>
      spec.modules.every((m) => shortName(m) !== 'q_proj' || m.params['bias'] !== undefined),
    ),
  }),
  arbitrary({
    method: glora,
    definition: gloraDefinition,
    algebras: ['additive', 'dependent'],
    fits: isOf('Linear'),
    settings: {
      r: rank,
      config_A_B: fc.constantFrom('lora', 'vector', 'constant', 'none'),
      config_C: fc.constantFrom('lora', 'vector', 'none'),
      config_D_E: fc.constantFrom('vector', 'constant', 'none'),
    },
    plain: { r: 2, config_A_B: 'none', config_C: 'none', config_D_E: 'none' },
  }),
  arbitrary({
    method: hira,
    definition: hiraDefinition,
    algebras: ['dependent'],
    fits: (m) => ungrouped(m) && isOf('Linear', 'Conv1D', 'Embedding', 'Conv1d', 'Conv2d', 'Conv3d')(m),
    settings: { r: rank, fan_in_fan_out: fc.boolean(), init_weights: fc.constantFrom(true, 'gaussian') },
    plain: { r: 2 },
  }),
  arbitrary({
    method: lnTuning,
    definition: lnTuningDefinition,
    algebras: ['replacement'],
    fits: (m) => Object.keys(m.params).length > 0,
    settings: {},
    plain: {},
  }),
  arbitrary({
    method: loha,
    definition: lohaDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1d', 'Conv2d'),
    settings: { r: rank, alpha, use_effective_conv2d: fc.boolean(), ...patterns },
    plain: { r: 2, alpha: 3 },
  }),
  arbitrary({
    method: lokr,
    definition: lokrDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1d', 'Conv2d'),
    settings: {
      r: rank,
      alpha,
      use_effective_conv2d: fc.boolean(),
      decompose_both: fc.boolean(),
      decompose_factor: fc.constantFrom(-1, 2, 3, 8),
      init_weights: fc.constantFrom(true, 'lycoris'),
      ...patterns,
    },
    plain: { r: 2, alpha: 3 },
  }),
  arbitrary({
    method: shira,
    definition: shiraDefinition,
    algebras: additive,
    fits: roomy,
    settings: { r: fc.constant(1), random_seed: fc.constantFrom(null, 5) },
    plain: { r: 1 },
    models: modelSpec.filter((spec) => spec.modules.every((m) => shortName(m) !== 'q_proj' || roomy(m))),
  }),
  ia3Arbitrary,
  tokens,
  arbitrary({
    method: vera,
    definition: veraDefinition,
    algebras: additive,
    fits: isOf('Linear', 'Conv1D'),
    settings: {
      r: rank,
      save_projection: fc.boolean(),
      projection_prng_key: fc.nat(1000),
      fan_in_fan_out: fc.boolean(),
    },
    plain: { r: 2 },
  }),
];
