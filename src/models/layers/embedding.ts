/**
 * Embedding lookup over plain, merged or attached weights.
 */
import { updateOf, type ModelWeights } from '../../adapters/attached.js';
import { forwardUpdate, type Use } from '../../adapters/updates/forward.js';
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey } from '../spec.js';
import { baseParameter } from './parameter.js';

/** Rows of W [V, D] at ids [n] as a use of W. */
const lookupUse = (ids: Tensor): Use => ({
  dense: (W) => tf.gather(W, ids as tf.Tensor1D, 0),
  lowRank: (B, A) => matMul(tf.gather(B, ids as tf.Tensor1D, 0), A),
  outputAxis: 1,
  scaleOutput: (y, g) => tf.mul(y, g),
  // ids [n, 1] == rows [1, k] selects the new rows; the others keep y
  replaceRows: (y, { rows, value }) => {
    const hit = tf.cast(tf.equal(tf.expandDims(ids, 1), tf.tensor2d([...rows], [1, rows.length], 'int32')), 'float32');
    return tf.add(tf.mul(y, tf.sub(1, tf.sum(hit, 1, true))), matMul(hit, value));
  },
});

/**
 * y[i] = W[ids[i]].
 *
 * @param p weights; `module.weight` is [V, D]
 * @param ids int32 token ids of any shape, each in [0, V)
 * @returns [...ids.shape, D]
 */
export const embedding = (p: ModelWeights, module: string, ids: Tensor): Tensor => {
  const key = paramKey(module, 'weight');
  const y = forwardUpdate(updateOf(p, key), baseParameter(p, key), lookupUse(tf.reshape(ids, [-1])));
  return tf.reshape(y, [...ids.shape, y.shape[1] as number]);
};
