/**
 * Dense application of updates: the merge.
 */
import type { Tensor } from '../../ops/tensor.js';
import { matMul } from '../../ops/mat-mul.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { tf } from '../../ops/tf.js';
import type { LowRank, Normalize, ReplaceRows, WeightUpdate } from '../update.js';
import { asMatrix, inShapeOf } from './view.js';

/** s B A in the shape of the factors: [m, n], or [E, m, n] with an expert axis. The scale comes last, as in PEFT. */
export const lowRankDelta = ({ B, A, s }: LowRank): Tensor => {
  const product = matMul(B, A);
  return s === 1 ? product : tf.mul(product, s);
};

/** ||V|| over every axis but `axis` of the matrix view, shaped to broadcast against that view. */
export const normsOf = (V: Tensor, axis: 0 | 1): Tensor =>
  tf.sqrt(tf.sum(tf.square(asMatrix(V)), axis === 0 ? 1 : 0, true));

/** g = m / ||V||, shaped to broadcast against the matrix view of V; the norm is a constant for gradients. */
export const magnitudeRatio = ({ m, axis }: Normalize, V: Tensor): Tensor =>
  tf.div(tf.reshape(m, axis === 0 ? [-1, 1] : [1, -1]), stopGradient(normsOf(V, axis)));

/** W with the rows of a replacement in place, by one gather from W and the new rows. */
const withRows = (W: Tensor, { rows, value }: ReplaceRows): Tensor => {
  const source = Int32Array.from({ length: W.shape[0] as number }, (_, i) => i);
  rows.forEach((row, i) => (source[row] = (W.shape[0] as number) + i));
  return tf.gather(tf.concat([W, value], 0), tf.tensor1d(source, 'int32'), 0);
};

/**
 * W' = update(W), dense.
 *
 * @param update the update; a `Branch` has no dense form and is a programmer's mistake here (see `isMergeable`)
 * @param W tensor in storage layout
 */
export const applyUpdate = (update: WeightUpdate, W: Tensor): Tensor => {
  switch (update._tag) {
    case 'LowRank':
      return tf.add(W, inShapeOf(lowRankDelta(update), W));
    case 'Dense':
      return tf.add(W, inShapeOf(update.s === 1 ? update.delta : tf.mul(update.delta, update.s), W));
    case 'Normalize': {
      const V = applyUpdate(update.update, W);
      return inShapeOf(tf.mul(magnitudeRatio(update, V), asMatrix(V)), W);
    }
    case 'Replace':
      // a new handle: the merged weights and the adapter are owned and freed apart
      return inShapeOf(tf.clone(update.value), W);
    case 'ReplaceRows':
      return withRows(W, update);
    case 'Sum':
    case 'Sequence':
      return update.updates.reduce((V, u) => applyUpdate(u, V), W);
    case 'Branch':
      throw new TypeError(`cannot merge: ${update.reason}`);
  }
};
