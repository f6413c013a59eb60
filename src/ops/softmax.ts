/**
 * Logarithms of softmax, made of operations with exact second-order gradients.
 */
import { stopGradient } from './stop-gradient.js';
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/** `log sum_j exp(x[..., j])`, as [..., 1]; shifted by the largest element, so that it does not overflow. */
export const logSumExp = (x: Tensor): Tensor => {
  const shift = stopGradient(tf.max(x, -1, true));
  return tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, shift)), -1, true)), shift);
};

/** `log softmax(x)` over the last axis: `x - logSumExp(x)`. */
export const logSoftmax = (x: Tensor): Tensor => tf.sub(x, logSumExp(x));
