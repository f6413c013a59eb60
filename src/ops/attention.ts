/**
 * Scaled dot-product attention with grouped queries (Vaswani et al., arXiv 1706.03762; Ainslie et al., arXiv 2305.13245).
 *
 * The kernel makes the weights of some queries at a time and keeps none of them for its gradient, which makes them again (Dao et al.,
 * FlashAttention, arXiv 2205.14135).
 */
import * as tf from '@tensorflow/tfjs-core';
import { compute, rulesOf, type Fused } from './fused.js';
import type { Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import { matMul } from './mat-mul.js';
import type { Tensor } from './tensor.js';

type Sizes4 = readonly [number, number, number, number];

const sizes4 = (x: Tensor): Sizes4 => x.shape as unknown as Sizes4;

/** What attention does beside queries, keys and values. */
export interface AttentionOptions {
  /** s, usually 1 / sqrt(d). */
  readonly scale: number;
  /** M, additive, broadcast to [B, H, S, T]; absent when every query sees every key. */
  readonly mask?: Tensor | undefined;
  /**
   * [H], the score of one more key of each head, seen by all and with the value zero: attention that goes nowhere (GPT-OSS, arXiv
   * 2508.10925, after Xiao et al., arXiv 2309.17453).
   */
  readonly sinks?: Tensor | undefined;
}

/** [scores, sinks]: one more column, which is the same for every query of a head; scores [B, H, S, T], sinks [H]. */
const withSinks = (scores: Tensor, sinks: Tensor): Tensor => {
  const [B, H, S] = sizes4(scores);
  return tf.concat([scores, tf.add(tf.zeros([B, H, S, 1]), tf.reshape(sinks, [1, H, 1, 1]))], 3);
};

const composed = (q: Tensor, k: Tensor, v: Tensor, { scale, mask, sinks }: AttentionOptions): Tensor => {
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
  return tf.reshape(tf.transpose(tf.reshape(mixed, [B, H, S, e]), [0, 2, 1, 3]), [B, S, H * e]);
};

const op: Fused<{ readonly scale: number }> = {
  kernelName: 'Attention',
  inputs: ['q', 'k', 'v', 'mask'],
  gradients: ['q', 'k', 'v'],
  composed: ([q, k, v, mask], { scale }) => composed(q as Tensor, k as Tensor, v as Tensor, { scale, mask }),
};

/** What the kernel adds to the scores; a mask of one key for all changes nothing, and stands for none. */
const maskOf = (mask: Tensor | undefined, keys: number): Tensor | undefined => {
  if (mask === undefined) return tf.zeros([1, 1, 1, 1]);
  return mask.rank === 4 && mask.shape[3] === keys ? mask : undefined;
};

/**
 * softmax(s Q K^T + M) V.
 *
 * Query head h reads key head floor(h / g), g = H / Hkv. Keys are not repeated: the g heads of a group are stacked as rows.
 *
 * @param q [B, H, S, d]
 * @param k [B, Hkv, T, d]; H is a multiple of Hkv
 * @param v [B, Hkv, T, e]
 * @returns [B, S, H e], heads side by side
 */
export const attention = (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor => {
  const { scale, mask, sinks } = options;
  const some = [q, k, v].every((x) => x.size > 0);
  const added = sinks === undefined && some && hasKernel('Attention') ? maskOf(mask, sizes4(k)[2]) : undefined;
  return added === undefined ? composed(q, k, v, options) : compute(op, [q, k, v, added], { scale });
};

/** Rules of the kernels Attention and AttentionGrad. */
export const attentionRules: ReadonlyArray<Rule> = rulesOf(op);
