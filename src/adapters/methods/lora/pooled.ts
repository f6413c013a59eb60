/**
 * QA-LoRA: A acts on groups of inputs, each the mean of g features times the number of groups.
 *
 * Xu et al., "QA-LoRA: Quantization-Aware Low-Rank Adaptation of Large Language Models", https://arxiv.org/abs/2309.14717
 */
import type { Tensor } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';

/**
 * A [r, in] for the features themselves from A [r, in / g] for groups of g: every column g times, times (in / g) / g.
 *
 * PEFT multiplies the means by their number and not by g, and checkpoints are trained with that.
 */
export const overFeatures = (A: Tensor, g: number): Tensor => {
  const [r, n] = A.shape as [number, number];
  return tf.mul(tf.reshape(tf.tile(tf.reshape(A, [r, n, 1]), [1, 1, g]), [r, n * g]), n / g);
};
