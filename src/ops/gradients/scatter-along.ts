/**
 * The adjoint of taking entries along an axis.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type Shape, type Tensor } from '../tensor.js';

/**
 * Adds entries of `dy` into zeros: `dx[b, :, ids[b, j], :] += dy[b, :, j, :]`. ScatterNd sums duplicates on all backends;
 * UnsortedSegmentSum is slow on cpu.
 *
 * @param dy [...batch, ...outer, ...J, ...inner]
 * @param ids int32 [...batch, ...J]
 * @param batchDims number of batch axes
 * @returns a tensor of `shape` [...batch, ...outer, n, ...inner] with n at `axis`
 */
export const scatterAlong = (dy: Tensor, ids: Tensor, shape: Shape, axis: number, batchDims = 0): Tensor => {
  const [batch, outer] = [sizeOf(shape.slice(0, batchDims)), sizeOf(shape.slice(batchDims, axis))];
  const [n, inner] = [shape[axis] as number, sizeOf(shape.slice(axis + 1))];
  const each = sizeOf(ids.shape.slice(batchDims));
  const local = tf.reshape(ids, [batch, each]);
  const starts = tf.reshape(tf.range(0, batch, 1, 'int32'), [batch, 1]);
  const places = batch === 1 ? local : tf.add(local, tf.mul(starts, tf.scalar(n, 'int32')));
  const rows = tf.transpose(tf.reshape(dy, [batch, outer, each, inner]), [0, 2, 1, 3]);
  const sums = tf.scatterND(tf.reshape(places, [batch * each, 1]), tf.reshape(rows, [batch * each, outer * inner]), [
    batch * n,
    outer * inner,
  ]);
  return tf.reshape(tf.transpose(tf.reshape(sums, [batch, n, outer, inner]), [0, 2, 1, 3]), [...shape]);
};
