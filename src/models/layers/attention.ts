/**
 * Scaled dot-product attention with grouped queries (Vaswani et al., arXiv 1706.03762; Ainslie et al., arXiv 2305.13245).
 */
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

type Sizes4 = readonly [number, number, number, number];

const sizes4 = (x: Tensor): Sizes4 => x.shape as unknown as Sizes4;

/** [B, T, H d] -> [B, T, H, d]: channels of a projection as heads. */
export const asHeads = (x: Tensor, heads: number): Tensor => {
  const [B, T, width] = x.shape as [number, number, number];
  return tf.reshape(x, [B, T, heads, width / heads]);
};

/** [B, T, H, d] -> [B, H, T, d], and back. */
export const swapHeads = (x: Tensor): Tensor => tf.transpose(x, [0, 2, 1, 3]);

/**
 * softmax(s Q K^T + M) V.
 *
 * Query head h reads key head floor(h / g), g = H / Hkv. Keys are not repeated: the g heads of a group are stacked as rows.
 *
 * @param q [B, H, S, d]
 * @param k [B, Hkv, T, d]; H is a multiple of Hkv
 * @param v [B, Hkv, T, e]
 * @param options.scale s, usually 1 / sqrt(d)
 * @param options.mask M, additive, broadcast to [B, H, S, T]; absent when every query sees every key
 * @returns [B, S, H e], heads side by side
 */
export const attention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { readonly scale: number; readonly mask?: Tensor | undefined },
): Tensor => {
  const [B, H, S, d] = sizes4(q);
  const [, groups, T] = sizes4(k);
  const e = sizes4(v)[3];
  const stacked = tf.reshape(tf.mul(q, options.scale), [B * groups, (H / groups) * S, d]);
  const scores = tf.reshape(matMul(stacked, tf.reshape(k, [B * groups, T, d]), false, true), [B, H, S, T]);
  const weights = tf.softmax(options.mask === undefined ? scores : tf.add(scores, options.mask));
  const mixed = matMul(tf.reshape(weights, [B * groups, (H / groups) * S, T]), tf.reshape(v, [B * groups, T, e]));
  return tf.reshape(swapHeads(tf.reshape(mixed, [B, H, S, e])), [B, S, H * e]);
};
