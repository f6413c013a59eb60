/**
 * Losses of language models and of models with a head for a task, as transformers takes them.
 */
import { scope } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { crossEntropies } from '../ops/cross-entropy.js';
import { logSumExp } from '../ops/softmax.js';
import { tf } from '../ops/tf.js';

/** Label of positions that do not count, as in torch and transformers. */
export const IGNORED = -100;

/**
 * Mean of -log softmax(z_i)[y_i] over all i whose label counts; NaN when there is none.
 *
 * Sequence and token classification, masked language models, images, and encoder-decoders, whose labels are not shifted.
 *
 * @param logits z [..., C]
 * @param labels y int32 [...], each in [0, C) or `ignored`
 * @param ignored the label that does not count
 * @returns a scalar
 */
export const crossEntropy = (logits: Tensor, labels: Tensor, ignored: number = IGNORED): Tensor =>
  scope(() => {
    const C = logits.shape[logits.rank - 1] as number;
    const z = tf.reshape(logits, [-1, C]);
    const y = tf.reshape(labels, [-1]);
    const counts = tf.cast(tf.notEqual(y, tf.scalar(ignored, 'int32')), 'float32');
    return tf.div(tf.sum(tf.mul(crossEntropies(z, y), counts)), tf.sum(counts));
  });

/**
 * Cross-entropy of each token with the next: mean of -log softmax(logits[b, i])[labels[b, i + 1]].
 *
 * Labels are the token ids themselves: the shift is made here. Padding counts unless its labels are -100.
 *
 * @param logits [B, T, V]
 * @param labels int32 [B, T]
 * @returns a scalar
 */
export const causalCrossEntropy = (logits: Tensor, labels: Tensor): Tensor => {
  const [B, T] = labels.shape as [number, number];
  // the labels move and not the logits, which are large; the last token has none
  const none = tf.fill([B, 1], IGNORED, 'int32');
  return crossEntropy(logits, tf.concat([tf.slice(labels, [0, 1], [B, T - 1]), none], 1));
};

/**
 * Question answering: the mean of the cross-entropies of the answer's first and last token.
 *
 * A place of T or more does not count, and a negative one is the first token. With a soft prompt T includes its tokens, and so do the places.
 *
 * @param logits [B, T, 2], starts and ends
 * @param starts int32 [B]
 * @param ends int32 [B]
 * @returns a scalar
 */
export const spanCrossEntropy = (logits: Tensor, starts: Tensor, ends: Tensor): Tensor => {
  const [B, T] = logits.shape as [number, number, number];
  const half = (i: number, places: Tensor): Tensor => {
    const z = tf.reshape(tf.slice(logits, [0, 0, i], [B, T, 1]), [B, T]);
    return crossEntropy(z, tf.cast(tf.clipByValue(tf.cast(places, 'float32'), 0, T), 'int32'), T);
  };
  return tf.div(tf.add(half(0, starts), half(1, ends)), 2);
};

/** Regression: the mean of (x_i - y_i)^2; outputs and targets of one shape, or [B, 1] and [B]. */
export const meanSquaredError = (outputs: Tensor, targets: Tensor): Tensor =>
  tf.mean(tf.square(tf.sub(tf.reshape(outputs, [-1]), tf.reshape(targets, [-1]))));

/**
 * Several labels at once: the mean of -y log sigmoid(z) - (1 - y) log(1 - sigmoid(z)) = log(1 + e^z) - y z.
 *
 * @param logits z of any shape
 * @param targets y in [0, 1], of the same shape
 * @returns a scalar
 */
export const binaryCrossEntropy = (logits: Tensor, targets: Tensor): Tensor => {
  // written with a maximum and an absolute value, the slope at z = 0 would be wrong, where a new head starts
  const softplus = logSumExp(tf.stack([tf.zerosLike(logits), logits], -1));
  return tf.mean(tf.sub(tf.reshape(softplus, logits.shape), tf.mul(logits, targets)));
};
