/**
 * Linear layers over plain, merged or attached weights.
 */
import { baseOf, updateOf, type ModelWeights } from '../../adapters/attached.js';
import type { Feedback, Mixture, Noise, PerSample } from '../../adapters/update.js';
import type { Compressed } from '../../adapters/updates/compressed.js';
import { forwardUpdate, type Use } from '../../adapters/updates/forward.js';
import { gated } from '../../adapters/updates/gated.js';
import { addMatMul } from '../../ops/add-mat-mul.js';
import { compressedLinear, meanDirection } from '../../ops/compressed-linear.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal } from '../../ops/random.js';
import { reshape } from '../../ops/reshape.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { lookup, sizeOf, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey } from '../spec.js';
import { addBias } from './bias.js';
import { baseParameter } from './parameter.js';

/** x W^T as a use of W [out, in], for x [n, in]. */
export const rowUse = (x: Tensor): Use => ({
  input: x,
  dense: (W) => matMul(x, W, false, true),
  addLowRank: (y, B, A, g) => addMatMul(y, gated(matMul(x, A, false, true), g), B, { transposeA: true }),
  outputAxis: 0,
  scaleOutput: (y, g) => tf.mul(y, tf.reshape(g, [1, -1])),
  branch: (y, update) => {
    if (update.kind === 'PerSample') return perSample(x, y, update);
    if (update.kind === 'Mixture') return mixed(x, y, update);
    if (update.kind === 'Feedback') return fedBack(x, y, update);
    if (update.kind === 'Compressed') return compressed(x, y, update);
    if (update.kind === 'Noise') return noisy(x, y, update);
    throw new TypeError(`a linear layer has no branch for ${update.kind}`);
  },
});

/** y[i] + s (x[i] A[i]) B[i] for x [batch T, in]; A [batch, in, r] and B [batch, r, out] tell the batch. */
const perSample = (x: Tensor, y: Tensor, { A, B, s }: PerSample): Tensor => {
  const [batch, inputs] = A.shape as [number, number, number];
  const change = matMul(matMul(tf.reshape(x, [batch, -1, inputs]), A), B);
  return tf.add(y, tf.mul(tf.reshape(change, y.shape), s));
};

/** y + s (x A^T) B, where B is the mixture of the experts that all rows together ask for. */
const mixed = (x: Tensor, y: Tensor, { A, B, R, s }: Mixture): Tensor => {
  const [E, r, out] = B.shape as [number, number, number];
  const h = matMul(x, A, false, true);
  const p = tf.mean(tf.softmax(matMul(h, R, false, true)), 0, true);
  const expert = tf.reshape(matMul(p, tf.reshape(B, [E, r * out])), [r, out]);
  return tf.add(y, tf.mul(matMul(h, expert), s));
};

/** y + x D^T; a second path through F adds zero, and all of the gradient of x. */
const fedBack = (x: Tensor, y: Tensor, { D, F }: Feedback): Tensor => {
  const path = matMul(x, stopGradient(F), false, true);
  return tf.add(tf.add(y, matMul(stopGradient(x), D, false, true)), tf.sub(path, stopGradient(path)));
};

/** y + s (x A^T) B^T, where the gradient of A sees a compressed x. */
const compressed = (x: Tensor, y: Tensor, { A, B, s, e, direction, groups, scale }: Compressed): Tensor => {
  const projection = direction === 'stored' ? e : meanDirection(x, groups, direction === 'batch' ? undefined : e);
  const change = matMul(compressedLinear(x, A, { e: projection, groups, scale }), B, false, true);
  return tf.add(y, tf.mul(change, s));
};

/** y + (e * exp(x V^T / 2)) B^T; the same key gives the same noise e. */
const noisy = (x: Tensor, y: Tensor, { V, B, key }: Noise): Tensor => {
  const deviation = tf.exp(tf.div(matMul(x, V, false, true), 2));
  return tf.add(y, matMul(tf.mul(deviation, normal(key, deviation.shape)), B, false, true));
};

/** x W as a use of W [in, out], for x [n, in]. */
export const columnUse = (x: Tensor): Use => ({
  input: x,
  dense: (W) => matMul(x, W),
  addLowRank: (y, B, A, g) => addMatMul(y, gated(matMul(x, B), g), A),
  outputAxis: 1,
  scaleOutput: (y, g) => tf.mul(y, g),
  branch: (y, update) => {
    if (update.kind === 'Compressed') return compressed(x, y, update);
    if (update.kind === 'Noise') return noisy(x, y, update);
    throw new TypeError(`a transposed linear layer has no branch for ${update.kind}`);
  },
});

/** Applies a matrix product to the last axis of x; one flat product is what every backend does fastest. */
const overLastAxis = (x: Tensor, f: (flat: Tensor) => Tensor): Tensor => {
  const inner = x.shape[x.rank - 1] as number;
  const y = f(x.rank === 2 ? x : reshape(x, [sizeOf(x.shape.slice(0, -1)), inner]));
  return x.rank === 2 ? y : reshape(y, [...x.shape.slice(0, -1), y.shape[1] as number]);
};

/** Key of a copy of a linear weight that is stored as [in, out] (see `prepareForDecode`). */
export const transposedKey = (key: string): string => `${key}^T`;

/** x W^T, through the transposed copy of W where the weights hold one. */
const preparedUse = (p: ModelWeights, key: string, W: Tensor, x: Tensor): Use => {
  const use = rowUse(x);
  const copy = lookup(baseOf(p), transposedKey(key));
  return copy === undefined ? use : { ...use, dense: (V) => (V === W ? matMul(x, copy) : use.dense(V)) };
};

/** Keys that hold a linear layer's parameters where it has none of its own (a tied head). */
export interface Tied {
  readonly tiedTo?: string;
  readonly biasTiedTo?: string;
}

const affine = (
  p: ModelWeights,
  module: string,
  x: Tensor,
  use: (x: Tensor, W: Tensor) => Use,
  tied: Tied = {},
): Tensor => {
  const key = paramKey(module, 'weight');
  const W = baseParameter(p, key, tied.tiedTo);
  const y = overLastAxis(x, (flat) => forwardUpdate(updateOf(p, key), W, use(flat, W)));
  return addBias(p, paramKey(module, 'bias'), tied.biasTiedTo, y);
};

/**
 * y = x W^T + b.
 *
 * @param p weights; `module.weight` is [out, in], `module.bias` [out] is optional
 * @param x [..., in]
 * @param tied the keys that hold weight and bias when the module has none of its own
 * @returns [..., out]
 */
export const linear = (p: ModelWeights, module: string, x: Tensor, tied: Tied = {}): Tensor => {
  const key = paramKey(module, 'weight');
  const stored = lookup(baseOf(p), key) === undefined ? (tied.tiedTo ?? key) : key;
  return affine(p, module, x, (flat, W) => preparedUse(p, stored, W, flat), tied);
};

/** y = x W + b with `module.weight` [in, out]: GPT-2's Conv1D; x [..., in], y [..., out]. */
export const conv1D = (p: ModelWeights, module: string, x: Tensor): Tensor => affine(p, module, x, columnUse);
