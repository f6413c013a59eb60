/**
 * LoRA configs that fit a model, over every field that acts on weights.
 */
import * as fc from 'fast-check';
import { noLessLawful } from '../law.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';

import { loraVariants } from './lora-variants.js';

type Config = Readonly<Record<string, unknown>>;

/** The last part of a module's name. */
const shortName = (m: ModuleSpec): string => m.name.slice(m.name.lastIndexOf('.') + 1);

const layered = (spec: ModelSpec): ReadonlyArray<ModuleSpec> =>
  spec.modules.filter((m) => m.name.startsWith('model.layers.0.') && shortName(m) !== 'out_proj');

/** Names of the modules that LoRA can act on with some settings. */
const candidates = (
  spec: ModelSpec,
  { dora, bias, routed }: { readonly dora: boolean; readonly bias: boolean; readonly routed: boolean },
): ReadonlyArray<string> => {
  const fits = (m: ModuleSpec): boolean => {
    const biased = !bias || routed || m.params['bias'] !== undefined;
    switch (m.kind) {
      case 'Linear':
      case 'Conv1D':
        return biased;
      case 'Conv1d':
      case 'Conv2d':
      case 'Conv3d':
        return biased && (routed || m.conv?.groups === 1);
      case 'MultiheadAttention':
        return !dora && !bias;
      default:
        return false;
    }
  };
  const heads = spec.modules.filter((m) => m.name === 'lm_head' && (!bias || routed));
  return [...layered(spec).filter(fits), ...heads].map(shortName).concat('embed_tokens');
};

/** Ranks below, at and above the sizes of modules. */
const rank = fc.constantFrom(2, 1, 3, 4, 8, 40);

const alpha = fc.constantFrom(1, 2, 0.5, 3, 16, 32);

/** Grouped convolutions need ranks that their groups divide. */
const evenRanks = (spec: ModelSpec, r: number): Config =>
  layered(spec).some((m) => shortName(m) === 'grouped') ? { grouped: 2 * r } : {};

const rows = (spec: ModelSpec): fc.Arbitrary<ReadonlyArray<number>> => {
  const V = spec.modules.find((m) => m.name === 'model.embed_tokens')?.params['weight']?.[0] ?? 1;
  return fc.uniqueArray(fc.nat(V - 1), { minLength: 1, maxLength: Math.min(V, 4) });
};

/** Names of modules, a regular expression for them, or all of the linear ones. */
const targets = (names: ReadonlyArray<string>, linear: boolean): fc.Arbitrary<string | ReadonlyArray<string>> =>
  fc
    .tuple(
      fc.subarray([...names], { minLength: Math.min(1, names.length) }),
      fc.constantFrom('list', 'list', 'list', 'regex', ...(linear ? ['linear'] : [])),
    )
    .map(([chosen, form]) =>
      form === 'list' ? chosen : form === 'linear' ? 'all-linear' : `.*\\.(${chosen.join('|')})|${chosen.join('|')}`,
    );

/** What replaces tensors beside LoRA's own. */
const replacing = (spec: ModelSpec, targeted: ReadonlyArray<string>): fc.Arbitrary<Config> => {
  const ends = ['norm', 'lm_head', 'embed_tokens'].filter(
    (name) => !targeted.includes(name) && spec.modules.some((m) => shortName(m) === name),
  );
  const layers = (spec.config['num_hidden_layers'] as number | undefined) ?? 1;
  return fc
    .record({
      bias: fc.constantFrom('none', 'all', 'lora_only'),
      saved: fc.subarray(ends, { maxLength: Math.min(1, ends.length) }),
      tokens: fc.option(rows(spec), { nil: null }),
      asRecord: fc.boolean(),
      replicate: fc.constantFrom(false, false, false, true),
    })
    .map(({ bias, saved, tokens, asRecord, replicate }) => ({
      bias,
      modules_to_save: saved.length > 0 ? saved : null,
      trainable_token_indices:
        tokens === null || saved.includes('embed_tokens') || targeted.includes('embed_tokens')
          ? null
          : asRecord
            ? { embed_tokens: tokens }
            : tokens,
      layer_replication: replicate
        ? [
            [0, layers],
            [layers - 1, layers],
          ]
        : null,
    }));
};

interface Shape {
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly use_dora: boolean;
  readonly lora_bias: boolean;
  readonly fan_in_fan_out: boolean;
}

const shape = (atMost: Algebra): fc.Arbitrary<Shape> =>
  fc
    .record({
      r: rank,
      lora_alpha: alpha,
      use_rslora: fc.boolean(),
      use_dora: noLessLawful('dependent', atMost) ? fc.boolean() : fc.constant(false),
      lora_bias: fc.constantFrom(false, false, true),
      fan_in_fan_out: fc.boolean(),
    })
    .map((s) => ({ ...s, lora_bias: s.lora_bias && !s.use_dora }));

const patterns = (names: ReadonlyArray<string>, spec: ModelSpec, r: number): fc.Arbitrary<Config> =>
  fc
    .record({
      ranks: fc.option(fc.tuple(fc.constantFrom(...names), rank), { nil: null }),
      alphas: fc.option(fc.tuple(fc.constantFrom(...names, 'layers.0.q_proj'), alpha), { nil: null }),
    })
    .map(({ ranks, alphas }) => ({
      rank_pattern: {
        ...(ranks === null || ranks[0] === 'grouped' ? {} : { [ranks[0]]: ranks[1] }),
        ...evenRanks(spec, r),
      },
      alpha_pattern: alphas === null ? {} : { [alphas[0]]: alphas[1] },
    }));

/** Selections of layers, which only lists of targets may have. */
const layerChoice = (given: string | ReadonlyArray<string>): fc.Arbitrary<Config> =>
  typeof given === 'string'
    ? fc.constant({})
    : fc.constantFrom<Config>(
        {},
        {},
        { layers_to_transform: [0] },
        { layers_to_transform: 0, layers_pattern: 'layers' },
        { exclude_modules: ['layers.1.q_proj'] },
      );

/** Raw parameters beside modules: plain LoRA only. */
const rawParameters = (spec: ModelSpec, s: Shape): fc.Arbitrary<Config> =>
  s.use_dora || s.lora_bias || s.fan_in_fan_out || !layered(spec).some((m) => shortName(m) === 'experts')
    ? fc.constant({})
    : fc
        .subarray(['experts.up', 'experts.down', 'experts.gate'])
        .map((names) => ({ target_parameters: names.length > 0 ? names : null }));

/** The smallest config that fits every model of these laws. */
export const plainLora: Config = { r: 2, lora_alpha: 3, target_modules: ['q_proj'] };

/**
 * Configs of LoRA for a model whose adapters are at most as unlawful as asked: plain LoRA with ranks and alphas by
 * pattern and rsLoRA for "additive"; biases, saved modules, token rows and replicated layers from "replacement" on; DoRA
 * from "dependent" on; grouped convolutions and biases that the base does not have for "routed". One in five is a variant.
 */
export const loraConfig = (spec: ModelSpec, atMost: Algebra): fc.Arbitrary<Config> => {
  const variants = loraVariants(spec, atMost);
  const plain = plainOf(spec, atMost);
  return variants === undefined ? plain : fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: variants });
};

const plainOf = (spec: ModelSpec, atMost: Algebra): fc.Arbitrary<Config> =>
  shape(atMost).chain((s) => {
    const names = candidates(spec, { dora: s.use_dora, bias: s.lora_bias, routed: atMost === 'routed' });
    return targets(names, !s.lora_bias).chain((given) => {
      const targeted = given === 'all-linear' ? [...names, 'lm_head'] : names.filter((name) => given.includes(name));
      return fc
        .tuple(
          patterns(names, spec, s.r),
          layerChoice(given),
          rawParameters(spec, s),
          atMost === 'additive' ? fc.constant({}) : replacing(spec, targeted),
          fc.constantFrom(true, 'gaussian'),
        )
        .map(([pattern, layers, raw, extra, start]) => ({
          ...s,
          target_modules: given,
          init_lora_weights: s.lora_bias ? true : start,
          ...pattern,
          ...layers,
          ...raw,
          ...extra,
        }));
    });
  });
