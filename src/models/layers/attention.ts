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

/** [scores, sinks]: one more column, which is the same for every query of a head; scores [B, H, S, T], sinks [H]. */
const withSinks = (scores: Tensor, sinks: Tensor): Tensor => {
  const [B, H, S] = sizes4(scores);
  return tf.concat([scores, tf.add(tf.zeros([B, H, S, 1]), tf.reshape(sinks, [1, H, 1, 1]))], 3);
};

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
 * @param options.sinks [H], the score of one more key of each head, seen by all and with the value zero: attention that goes
 * nowhere (GPT-OSS, arXiv 2508.10925, after Xiao et al., arXiv 2309.17453)
 * @returns [B, S, H e], heads side by side
 */
export const attention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { readonly scale: number; readonly mask?: Tensor | undefined; readonly sinks?: Tensor | undefined },
): Tensor => {
  const { scale, mask, sinks } = options;
  const [B, H, S, d] = sizes4(q);
  const [, groups, T] = sizes4(k);
  const e = sizes4(v)[3];
  const stacked = tf.reshape(tf.mul(q, scale), [B * groups, (H / groups) * S, d]);
  const scores = tf.reshape(matMul(stacked, tf.reshape(k, [B * groups, T, d]), false, true), [B, H, S, T]);
  const masked = mask === undefined ? scores : tf.add(scores, mask);
  const weights = tf.softmax(sinks === undefined ? masked : withSinks(masked, sinks));
  const values = sinks === undefined ? v : tf.concat([v, tf.zeros([B, groups, 1, e])], 2);
  const keys = sizes4(values)[2];
  const mixed = matMul(
    tf.reshape(weights, [B * groups, (H / groups) * S, keys]),
    tf.reshape(values, [B * groups, keys, e]),
  );
  return tf.reshape(swapHeads(tf.reshape(mixed, [B, H, S, e])), [B, S, H * e]);
};
