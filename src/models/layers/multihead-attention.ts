/**
 * Multi-head attention as torch's `nn.MultiheadAttention` computes it, with one packed input projection.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey } from '../spec.js';
import { attention } from './attention.js';
import { linear } from './linear.js';
import { optionalParameter, parameter } from './parameter.js';

/** What attends to what: queries [L, N, E], keys and values [S, N, E] (sequence first), or [L, E] and [S, E] without a batch. */
export interface Attending {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
}

/** Rows `part` E .. (part + 1) E of the packed projection, applied to x [L, N, E]; result [N, heads, L, E / heads]. */
const project = (W: Tensor, b: Tensor | undefined, part: number, x: Tensor, heads: number): Tensor => {
  const [L, N, E] = x.shape as [number, number, number];
  const rows = tf.slice(W, [part * E, 0], [E, E]);
  const y = matMul(tf.reshape(x, [L * N, E]), rows, false, true);
  const z = b === undefined ? y : tf.add(y, tf.slice(b, [part * E], [E]));
  return tf.transpose(tf.reshape(z, [L, N, heads, E / heads]), [1, 2, 0, 3]);
};

/**
 * softmax(Q K^T / sqrt(d)) V for each head, then the output projection, without masks.
 *
 * @param p weights: `module.in_proj_weight` [3 E, E] (queries, keys, values), `module.in_proj_bias` [3 E] optional, `module.out_proj`
 * @param x sequence first
 * @param heads number of heads, a divisor of E
 * @returns [L, N, E], or [L, E] for input without a batch
 */
export const multiheadAttention = (p: ModelWeights, module: string, x: Attending, heads: number): Tensor => {
  const batched = (t: Tensor): Tensor => (t.rank === 2 ? tf.expandDims(t, 1) : t);
  const W = parameter(p, paramKey(module, 'in_proj_weight'));
  const b = optionalParameter(p, paramKey(module, 'in_proj_bias'));
  const E = W.shape[1] as number;
  const heads3 = [x.query, x.key, x.value].map((t, part) => project(W, b, part, batched(t), heads));
  const [q, k, v] = heads3 as [Tensor, Tensor, Tensor];
  const mixed = tf.transpose(attention(q, k, v, { scale: (E / heads) ** -0.5 }), [1, 0, 2]);
  const y = linear(p, paramKey(module, 'out_proj'), mixed);
  return x.query.rank === 2 ? tf.squeeze(y, [1]) : y;
};
