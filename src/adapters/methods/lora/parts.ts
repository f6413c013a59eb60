/**
 * The sites of LoRA on one module, by kind of module.
 */
import { E } from '../../../fp.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../../models/spec.js';
import type { Shape } from '../../../ops/tensor.js';
import { fail, type Result } from '../../../problem.js';
import { modelPrefix } from '../../auxiliary.js';
import type { ParamSpec, Part, Site } from '../../site.js';
import type { LoraConfig } from './config.js';
import { groupedReason, type LoraDetail } from './update.js';
import { variantOf } from './variants.js';

/** Rank and scale of one module: r and s = alpha / r, or alpha / sqrt(r) with rsLoRA. */
export interface Strength {
  readonly r: number;
  readonly s: number;
}

const trainable = (name: string, shape: Shape): ParamSpec => ({ name, shape, trainable: true, optional: false });

/** What tells one weight's part from another's: names lie below `prefix`, shapes are those of the file. */
export interface WeightPart {
  readonly module: string;
  readonly param: string;
  readonly prefix: string;
  readonly A: readonly [suffix: string, shape: Shape];
  readonly B: readonly [suffix: string, shape: Shape];
  readonly m: Shape | undefined;
  readonly detail: LoraDetail;
  /** Tensors beside the factors, by role. */
  readonly more?: Readonly<Record<string, MoreTensor>>;
  /** B is kept as it starts (MiCA). */
  readonly frozen?: boolean;
  /** Why the change depends on the weight, beside DoRA. */
  readonly reason?: string | undefined;
}

/** A tensor beside the factors: its name below the module, its shape, whether it is trained. */
export type MoreTensor = readonly [suffix: string, shape: Shape, trainable: boolean];

const dependent = (reason: string) => ({ algebra: 'dependent', reason }) as const;
const doraReason = 'DoRA divides by a norm of the weight that it is applied to';
const additive = { algebra: 'additive' } as const;
const routed = { algebra: 'routed', reason: groupedReason } as const;

/** The part of one weight: its factors, and with DoRA its magnitude. */
export const weightPart = (spec: ModelSpec, w: WeightPart): Part<LoraDetail> => {
  const key = paramKey(w.module, w.param);
  const name = (suffix: string): string => `${modelPrefix}${w.prefix}.${suffix}`;
  const m = w.m === undefined ? [] : [trainable(name('lora_magnitude_vector'), w.m)];
  const more = Object.entries(w.more ?? {}).map(([role, [suffix, shape, trained]]) => ({
    role,
    param: { name: name(suffix), shape, trainable: trained, optional: false },
  }));
  const site: Site<LoraDetail> = {
    key,
    // PEFT adds to a tied weight in place, so the owner changes with its alias.
    stored: [ownerOf(spec, key)],
    module: w.module,
    tensors: {
      A: name(w.A[0]),
      B: name(w.B[0]),
      ...(w.m === undefined ? {} : { m: name('lora_magnitude_vector') }),
      ...Object.fromEntries(more.map(({ role, param }) => [role, param.name])),
    },
    detail: w.detail,
  };
  const grouped = w.detail._tag === 'Conv' && w.detail.groups > 1;
  const reason = w.m === undefined ? w.reason : doraReason;
  const B = { ...trainable(name(w.B[0]), w.B[1]), trainable: w.frozen !== true };
  return {
    site,
    params: [trainable(name(w.A[0]), w.A[1]), B, ...m, ...more.map(({ param }) => param)],
    ...(grouped ? routed : reason === undefined ? additive : dependent(reason)),
  };
};

/** b + s B.bias, for `lora_bias`. */
export const biasPart = (m: ModuleSpec, s: number, size: number): Part<LoraDetail> => {
  const name = `${modelPrefix}${m.name}.lora_B.bias`;
  const key = paramKey(m.name, 'bias');
  const there = m.params['bias'] !== undefined;
  return {
    site: {
      key,
      stored: there ? [key] : [],
      module: m.name,
      tensors: { bias: name },
      detail: { _tag: 'Bias', s },
    },
    params: [trainable(name, [size])],
    ...(there
      ? additive
      : { algebra: 'routed', reason: `lora_bias needs a bias to merge into, and ${m.name} has none` }),
  };
};

/** Names of the factors of everything but embeddings. */
export const weightFactors = { A: 'lora_A.weight', B: 'lora_B.weight' } as const;

/** The sites of an embedding: V rows are its inputs. */
export const embeddingParts = (
  c: LoraConfig,
  spec: ModelSpec,
  m: ModuleSpec,
  { r, s }: Strength,
): ReadonlyArray<Part<LoraDetail>> => {
  const [V, D] = m.params['weight'] as readonly [number, number];
  return [
    weightPart(spec, {
      module: m.name,
      param: 'weight',
      prefix: m.name,
      A: ['lora_embedding_A', [r, V]],
      B: ['lora_embedding_B', [D, r]],
      m: c.use_dora ? [D] : undefined,
      detail: { _tag: 'Embedding', s, r },
      frozen: variantOf(c) === 'MiCA',
    }),
  ];
};

/** The sites of a convolution; its B has the base's groups and A has not. */
export const convParts = (
  c: LoraConfig,
  spec: ModelSpec,
  m: ModuleSpec,
  { r, s }: Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> => {
  const [out, perGroup, ...kernel] = m.params['weight'] as readonly [number, number, ...number[]];
  const groups = m.conv?.groups ?? 1;
  if (r % groups !== 0)
    return fail(
      `adapter_config.json: r (${m.name})`,
      `a rank that ${groups} groups divide`,
      String(r),
      'Choose a multiple of the groups for this module, e.g. with rank_pattern.',
    );
  const ones = kernel.map(() => 1);
  const weight = weightPart(spec, {
    module: m.name,
    param: 'weight',
    prefix: m.name,
    A: [weightFactors.A, [r, perGroup * groups, ...kernel]],
    B: [weightFactors.B, [out, r / groups, ...ones]],
    m: c.use_dora ? [1, out, ...ones] : undefined,
    detail: { _tag: 'Conv', s, r, groups },
  });
  return E.right(c.lora_bias ? [weight, biasPart(m, s, out)] : [weight]);
};

/**
 * nn.MultiheadAttention takes two adapters: one on the stacked in-projection, one on the out-projection.
 *
 * PEFT adds the out-projection's change twice, in training as in merging, so that is what such a checkpoint means.
 */
export const attentionParts = (
  c: LoraConfig,
  spec: ModelSpec,
  m: ModuleSpec,
  { r, s }: Strength,
): Result<ReadonlyArray<Part<LoraDetail>>> => {
  const shape = m.params['in_proj_weight'];
  if (shape === undefined)
    return fail(
      `target_modules: ${m.name}`,
      'attention with one stacked in_proj_weight',
      'separate projections',
      'LoRA on nn.MultiheadAttention needs equal query, key and value sizes.',
    );
  const variant = variantOf(c);
  if (variant !== undefined || c.lora_bias)
    return fail(`target_modules: ${m.name}`, 'plain LoRA on nn.MultiheadAttention', variant ?? 'lora_bias');
  const [stacked, width] = shape as readonly [number, number];
  const part = (module: string, param: string, prefix: string, out: number, detail: LoraDetail): Part<LoraDetail> =>
    weightPart(spec, {
      module,
      param,
      prefix,
      A: [weightFactors.A, [r, width]],
      B: [weightFactors.B, [out, r]],
      m: undefined,
      detail,
    });
  return E.right([
    part(m.name, 'in_proj_weight', m.name, stacked, { _tag: 'Linear', s, r, transposed: false }),
    part(`${m.name}.out_proj`, 'weight', `${m.name}.base_layer.out_proj`, width, { _tag: 'AttentionOut', s, r }),
  ]);
};
