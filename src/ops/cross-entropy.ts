/**
 * Cross entropy of rows of logits as one operation, with gradients of every order.
 *
 * Composed of tfjs's operations, value and gradient take a dozen passes over tensors as large as the logits, which are the
 * largest that a language model makes; backends that have the kernels CrossEntropy and CrossEntropyGrad take two passes.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import type { Tensor } from './tensor.js';

/** 1 where there is a label in [0, V), as [N, 1]. */
const counted = (labels: Tensor, V: number): Tensor =>
  tf.reshape(tf.cast(tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, V)), 'float32'), [-1, 1]);

/** 1 at the label of each row, [N, V]; zeros where there is none. */
const atLabels = (labels: Tensor, V: number): Tensor => tf.cast(tf.oneHot(labels as tf.Tensor1D, V), 'float32');

const composed = (logits: Tensor, labels: Tensor): Tensor => {
  const V = logits.shape[1] as number;
  const most = tf.max(logits, 1, true);
  // log sum e^z = max z - log max softmax(z), since the largest probability is e^0 by the sum of e^(z - max z)
  const logSum = tf.sub(most, tf.log(tf.max(tf.softmax(logits), 1, true)));
  const inside = tf.reshape(counted(labels, V), [-1]);
  // no one-hot labels: they are as large as the logits
  const places = tf.stack([tf.range(0, labels.size, 1, 'int32'), tf.mul(labels, tf.cast(inside, 'int32'))], 1);
  return tf.mul(tf.sub(tf.reshape(logSum, [-1]), tf.gatherND(logits, places)), inside);
};

/** dz = dy (softmax(z) - onehot(y)) for rows with a label, 0 for others; dy [N]. */
const crossEntropyGrad = (dy: Tensor, logits: Tensor, labels: Tensor): Tensor => {
  if (hasKernel('CrossEntropyGrad')) return tf.engine().runKernel('CrossEntropyGrad', { dy, logits, labels });
  const V = logits.shape[1] as number;
  const scale = tf.mul(tf.reshape(dy, [-1, 1]), counted(labels, V));
  return tf.mul(tf.sub(tf.softmax(logits), atLabels(labels, V)), scale);
};

/**
 * `y_i = log sum_j exp(z_ij) - z_i,labels_i`, and 0 for rows whose label is not in [0, V); it does not overflow.
 *
 * @param logits [N, V]
 * @param labels int32 [N]
 * @returns [N]
 */
export const crossEntropies = (logits: Tensor, labels: Tensor): Tensor =>
  hasKernel('CrossEntropy') ? tf.engine().runKernel('CrossEntropy', { logits, labels }) : composed(logits, labels);

/** Rules of the kernels CrossEntropy and CrossEntropyGrad. */
export const crossEntropyRules: ReadonlyArray<Rule> = [
  {
    kernelName: 'CrossEntropy',
    inputsToSave: ['logits', 'labels'],
    gradFunc: (dy, saved) => {
      const [logits, labels] = saved as [Tensor, Tensor];
      return {
        logits: () => crossEntropyGrad(single(dy), logits, labels),
        labels: () => tf.fill(labels.shape, 0),
      };
    },
  },
  {
    kernelName: 'CrossEntropyGrad',
    inputsToSave: ['dy', 'logits', 'labels'],
    gradFunc: (cotangent, saved) => {
      const [dy, logits, labels] = saved as [Tensor, Tensor, Tensor];
      const v = single(cotangent);
      const V = logits.shape[1] as number;
      const inside = counted(labels, V);
      const p = tf.softmax(logits);
      return {
        dy: () => {
          const sums = tf.sum(tf.mul(v, tf.sub(p, atLabels(labels, V))), 1, true);
          return tf.reshape(tf.mul(sums, inside), dy.shape);
        },
        logits: () => {
          const centred = tf.sub(v, tf.sum(tf.mul(v, p), 1, true));
          return tf.mul(tf.mul(p, centred), tf.mul(tf.reshape(dy, [-1, 1]), inside));
        },
        labels: () => tf.fill(labels.shape, 0),
      };
    },
  },
];
