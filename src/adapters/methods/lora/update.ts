/**
 * LoRA's weight update, by kind of layer.
 */
import { sizeOf, type Tensor } from '../../../ops/tensor.js';
import { stopGradient } from '../../../ops/stop-gradient.js';
import { tf } from '../../../ops/tf.js';
import type { Routing, UpdateOptions } from '../../method.js';
import { dense, lowRank, normalize, sequence, type WeightUpdate } from '../../update.js';
import type { Residual } from '../../updates/residual.js';
import { blockDiagonal, type Blocks } from './block-diagonal.js';
import type { MonteCloraConfig } from './monteclora.js';
import { drawsOf, sampleOf, type Spread } from './monteclora-sample.js';
import { overFeatures } from './pooled.js';
import { compressed, type VeloraConfig } from './velora.js';

/** How A and B of a linear layer are stored, and what stands between or beside them. */
export type LinearForm =
  | { readonly _tag: 'Plain' }
  /** q between B and A (KaSA). */
  | { readonly _tag: 'Diagonal' }
  | ({ readonly _tag: 'Blocks' } & Blocks)
  /** A acts on groups of features (QA-LoRA). */
  | { readonly _tag: 'Pooled'; readonly group: number }
  | { readonly _tag: 'Compressed'; readonly config: VeloraConfig }
  /** Training samples A around its value (MonteCLoRA). */
  | { readonly _tag: 'Sampled'; readonly config: MonteCloraConfig };

/** What LoRA knows of a linear layer. */
export interface LinearDetail {
  readonly _tag: 'Linear';
  readonly s: number;
  readonly r: number;
  /** The weight is stored as [in, out]. */
  readonly transposed: boolean;
  /** What is taken out of the weight before the change is added; nothing unless told. */
  readonly residual?: ReadonlyArray<Residual>;
  /** Plain unless told. */
  readonly form?: LinearForm;
}

/** What LoRA knows of one site. `s` is alpha / r, or alpha / sqrt(r) with rsLoRA. */
export type LoraDetail =
  | LinearDetail
  | { readonly _tag: 'AttentionOut'; readonly s: number; readonly r: number }
  | { readonly _tag: 'Embedding'; readonly s: number; readonly r: number }
  | { readonly _tag: 'Conv'; readonly s: number; readonly r: number; readonly groups: number }
  | {
      readonly _tag: 'Experts';
      readonly s: number;
      readonly r: number;
      readonly experts: number;
      readonly transposed: boolean;
    }
  | { readonly _tag: 'Bias'; readonly s: number };

/** The tensors of a site; `m` only with DoRA, `bias` only at a bias, `q` with KaSA, `e` with VeLoRA. */
export type LoraTensors = Readonly<Record<'A' | 'B' | 'm' | 'bias' | 'q' | 'e' | string, Tensor>>;

const transpose = (X: Tensor): Tensor => tf.transpose(X, [1, 0]);

/** A weight update, and with DoRA its magnitude along the output axis. */
const withMagnitude = (update: WeightUpdate, m: Tensor | undefined, axis: 0 | 1): WeightUpdate =>
  m === undefined ? update : normalize(update, tf.reshape(m, [-1]), axis);

/** A [r, in] and B [out, r] of a linear layer, from what its form stores. */
export const denseFactors = (form: LinearForm | undefined, { A, B, q }: LoraTensors) => {
  const [a, b] = [A as Tensor, B as Tensor];
  switch (form?._tag) {
    case 'Diagonal':
      return { A: a, B: tf.mul(b, tf.reshape(q as Tensor, [1, -1])) };
    case 'Blocks':
      return form.factor === 'A'
        ? { A: blockDiagonal(a, form.count), B: b }
        : { A: a, B: blockDiagonal(b, form.count) };
    case 'Pooled':
      return { A: overFeatures(a, form.group), B: b };
    default:
      return { A: a, B: b };
  }
};

/** PEFT factors OLoRA's weight as it is stored, also where that is the transpose. */
const residuals = ({ residual = [] }: LinearDetail, likePeft: boolean): ReadonlyArray<Residual> =>
  likePeft ? residual.map((u) => ({ ...u, transposed: false })) : residual;

/** A [r, in] of a pass: in training with a key, where its form samples, one around the stored value. */
const ofPass = (
  form: LinearForm | undefined,
  A: Tensor,
  tensors: LoraTensors,
  routing: Routing | undefined,
): Tensor => {
  if (form?._tag !== 'Sampled' || routing?.training !== true || routing.key === undefined) return A;
  const draws = drawsOf(routing.key, form.config, A.shape as [number, number]);
  return tf.add(A, sampleOf(form.config, tensors as unknown as Spread, draws).noise);
};

/** (m / ||V||) V, V = W - P(W) + s B A: what is taken out of a linear layer's weight, and what is added. */
const linearUpdate = (
  detail: LinearDetail,
  tensors: LoraTensors,
  options: UpdateOptions,
  placed: (change: WeightUpdate) => WeightUpdate,
): WeightUpdate => {
  const { s, transposed, form } = detail;
  const factors = denseFactors(form, tensors);
  const [A, B] = [ofPass(form, factors.A, tensors, options.routing), factors.B];
  const added = transposed ? lowRank(transpose(A), transpose(B), s) : lowRank(B, A, s);
  const change =
    form?._tag === 'Compressed' && options.routing?.training === true
      ? compressed(form.config, { A, B, s }, tensors['e'] as Tensor)
      : added;
  return withMagnitude(
    sequence([...residuals(detail, options.likePeft), placed(change)]),
    tensors.m,
    transposed ? 1 : 0,
  );
};

/**
 * Experts share one A [E r, in] and one B [out, r E], packed differently: A's row is e r + j, B's column is j E + e.
 *
 * @returns factors for W [E, out, in], or for W [E, in, out] when `transposed`
 */
const experts = (A: Tensor, B: Tensor, E: number, s: number, transposed: boolean): WeightUpdate => {
  const Ae = tf.reshape(A, [E, -1, A.shape[1] as number]); // [E, r, in]
  const Be = tf.reshape(B, [B.shape[0] as number, -1, E]); // [out, r, E]
  return transposed
    ? lowRank(tf.transpose(Ae, [0, 2, 1]), tf.transpose(Be, [2, 1, 0]), s)
    : lowRank(tf.transpose(Be, [2, 0, 1]), Ae, s);
};

/**
 * The update of one site, in the layout of its weight.
 *
 * Linear [out, in]: W + s B A. Conv1D [in, out] and Embedding [V, D]: W + s (B A)^T = W + s A^T B^T.
 * The out-projection of nn.MultiheadAttention takes its change twice, as PEFT trains and merges it; PEFT's gradient
 * counts it once. Convolution [out, in, ...k]: B and A with their kernel axes flattened. DoRA: (m / ||V||) V over output rows (columns
 * for Conv1D and Embedding).
 *
 * @param tensors.A [r, in], or [r, V], or [r, in, ...k]
 * @param tensors.B [out, r], or [D, r], or [out, r / groups, 1, ...]
 * @param placed puts the change of a linear layer somewhere: on some tokens only
 */
export const loraUpdate = (
  detail: LoraDetail,
  tensors: LoraTensors,
  options: UpdateOptions,
  placed: (change: WeightUpdate) => WeightUpdate = (change) => change,
): WeightUpdate => {
  const { A, B, m, bias } = tensors;
  if (detail._tag === 'Bias') return placed(dense(bias as Tensor, detail.s));
  const [a, b] = [A as Tensor, B as Tensor];
  switch (detail._tag) {
    case 'Linear':
      return linearUpdate(detail, tensors, options, placed);
    case 'AttentionOut': {
      const again = options.likePeft ? lowRank(stopGradient(b), stopGradient(a), detail.s) : lowRank(b, a, detail.s);
      return sequence([lowRank(b, a, detail.s), again]);
    }
    case 'Embedding':
      return withMagnitude(lowRank(transpose(a), transpose(b), detail.s), m, 1);
    case 'Conv':
      return detail.groups === 1
        ? withMagnitude(
            lowRank(
              tf.reshape(b, [b.shape[0] as number, -1]),
              tf.reshape(a, [a.shape[0] as number, sizeOf(a.shape.slice(1))]),
              detail.s,
            ),
            m,
            0,
          )
        : {
            _tag: 'Branch',
            kind: 'GroupedConv',
            A: a,
            B: b,
            s: detail.s,
            ...(m === undefined ? {} : { m: tf.reshape(m, [-1]) }),
            reason: groupedReason,
          };
    case 'Experts':
      return experts(a, b, detail.experts, detail.s, detail.transposed);
  }
};

/** Why LoRA on a grouped convolution cannot merge. */
export const groupedReason =
  'LoRA on a convolution with groups > 1 mixes all input channels, which a grouped weight cannot hold';
