/**
 * Losses of language models.
 */
import type { Tensor } from '../ops/tensor.js';
import { logSumExp } from '../ops/softmax.js';
import { tf } from '../ops/tf.js';

/** Label of positions that do not count, as in torch and transformers. */
export const IGNORED = -100;

/**
 * Mean of -log softmax(logits[b, i])[labels[b, i + 1]] over all positions whose label is not -100; NaN when there is none.
 *
 * Labels are the token ids themselves: the shift is made here. Padding counts unless its labels are -100.
 *
 * @param logits [B, T, V]
 * @param labels int32 [B, T]
 * @returns a scalar
 */
export const causalCrossEntropy = (logits: Tensor, labels: Tensor): Tensor => {
  const [B, T, V] = logits.shape as [number, number, number];
  const z = tf.reshape(tf.slice(logits, [0, 0, 0], [B, T - 1, V]), [-1, V]);
  const y = tf.reshape(tf.slice(labels, [0, 1], [B, T - 1]), [-1]);
  const counts = tf.reshape(tf.cast(tf.notEqual(y, tf.scalar(IGNORED, 'int32')), 'float32'), [-1, 1]);
  const chosen = tf.sum(tf.mul(z, tf.cast(tf.oneHot(y, V), 'float32')), -1, true); // 0 where y is -100
  return tf.div(tf.sum(tf.mul(tf.sub(logSumExp(z), chosen), counts)), tf.sum(counts));
};
