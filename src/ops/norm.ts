/**
 * Normalisations over the last axis.
 */
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/**
 * `y = (x - mean) / sqrt(var + eps) * weight + bias`, with the biased variance, as torch's LayerNorm.
 *
 * @param x [..., d]
 * @param weight [d], or undefined for ones
 * @param bias [d], or undefined for zeros
 */
export const layerNorm = (x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number): Tensor => {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const unit = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps)));
  const scaled = weight === undefined ? unit : tf.mul(unit, weight);
  return bias === undefined ? scaled : tf.add(scaled, bias);
};

/**
 * `y = x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich, 2019).
 *
 * @param x [..., d]
 * @param weight [d], or undefined for ones; models that store weight - 1 (Gemma) add it first
 */
export const rmsNorm = (x: Tensor, weight: Tensor | undefined, eps: number): Tensor => {
  const unit = tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps)));
  return weight === undefined ? unit : tf.mul(unit, weight);
};
