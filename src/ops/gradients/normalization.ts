/**
 * Gradients of batch normalization.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '../tensor.js';
import { attrsOf, single, unbroadcast, type Rule } from './rule.js';

/** Names of inputs of which some may be absent: tfjs 4.22 copies what it saves without asking whether it is there. */
const present = (...names: ReadonlyArray<string>): string[] =>
  Object.assign([...names], {
    map: <A>(f: (name: string, i: number, all: string[]) => A): A[] =>
      names.map((name, i) => f(name, i, [...names])).filter((x) => x != null),
  });

/** Rule of `y = (x - mean) / sqrt(variance + eps) scale + offset`; scale is 1 where it is absent. */
export const batchNorm: Rule = {
  kernelName: 'FusedBatchNorm',
  inputsToSave: present('x', 'mean', 'variance', 'scale'),
  gradFunc: (dys, saved, attrs) => {
    const [dy, [x, mean, variance, scale]] = [single(dys), saved as [Tensor, Tensor, Tensor, Tensor?]];
    const { varianceEpsilon } = attrsOf<{ readonly varianceEpsilon: number }>(attrs);
    const root = (): Tensor => tf.rsqrt(tf.add(variance, varianceEpsilon));
    const scaled = (): Tensor => (scale === undefined ? dy : tf.mul(dy, scale));
    const centred = (): Tensor => tf.sub(x, mean);
    return {
      x: () => unbroadcast(tf.mul(scaled(), root()), x.shape),
      mean: () => tf.neg(unbroadcast(tf.mul(scaled(), root()), mean.shape)),
      variance: () => {
        const slope = tf.div(tf.mul(root(), -0.5), tf.add(variance, varianceEpsilon));
        return unbroadcast(tf.mul(tf.mul(scaled(), centred()), slope), variance.shape);
      },
      scale: () => unbroadcast(tf.mul(dy, tf.mul(centred(), root())), (scale as Tensor).shape),
      // as long as the mean, of which it has the shape
      offset: () => unbroadcast(dy, mean.shape),
    };
  },
};
