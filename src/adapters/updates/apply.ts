/**
 * Dense application of updates: the merge.
 */
import type { Tensor } from '../../ops/tensor.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { tf } from '../../ops/tf.js';
import type { Normalize, ReplaceRows, WeightUpdate } from '../update.js';
import { kroneckerDelta, modulated, withHadamard, withLowRank, withSparse } from './delta.js';
import { residualMatrix } from './residual.js';
import { splitMatrix } from './split.js';
import { alongAxis, blockAffineMatrix, deflation, reflectMatrix, rotateMatrix } from './turn.js';
import { asMatrix, inShapeOf } from './view.js';

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
      return withLowRank(update, W);
    case 'Dense':
      return tf.add(W, inShapeOf(update.s === 1 ? update.delta : tf.mul(update.delta, update.s), W));
    case 'Hadamard':
      return withHadamard(update, W);
    case 'Kronecker':
      return tf.add(W, inShapeOf(kroneckerDelta(update), W));
    case 'Sparse':
      return withSparse(update, W);
    case 'Modulate':
      return modulated(update, W);
    case 'Scale':
      return inShapeOf(tf.mul(asMatrix(W), alongAxis(update)), W);
    case 'Rotate':
      return inShapeOf(rotateMatrix(update, asMatrix(W)), W);
    case 'Reflect':
      return inShapeOf(reflectMatrix(update, asMatrix(W)), W);
    case 'Deflate':
      return withLowRank(deflation(update, asMatrix(W)), W);
    case 'Residual':
      return inShapeOf(residualMatrix(update, asMatrix(W)), W);
    case 'Split':
      return splitMatrix(update, W);
    case 'BlockAffine':
      return inShapeOf(blockAffineMatrix(update, asMatrix(W)), W);
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
    case 'Prompt':
      throw new TypeError('cannot merge: virtual tokens change no weight');
    case 'Branch':
      throw new TypeError(`cannot merge: ${update.reason}`);
  }
};
