/**
 * Images as the rows of the matrix that a convolution multiplies, and back.
 */
import * as tf from '@tensorflow/tfjs-core';
import { im2colIndex, type ConvAxes } from './im2col.js';
import { sameShape, sizeOf, type Shape, type Tensor } from './tensor.js';

/** True when each position sees itself only, so that the image is the matrix. */
export const isPointwise = ({ spatial, kernel, padding }: ConvAxes, positions: Shape): boolean =>
  sizeOf(kernel) === 1 && padding.every((n) => n === 0) && sameShape(spatial, positions);

/**
 * The patches of images under a kernel at all positions: `y[m, p, k, c] = x[m, index[p, k], c]`, 0 in the padding.
 *
 * @param x [M, S, C], S the spatial axes as one
 * @param positions sizes of the output, P in all
 * @returns [M, P, K C]
 */
export const columnsOf = (x: Tensor, axes: ConvAxes, positions: Shape): Tensor => {
  if (isPointwise(axes, positions)) return x;
  const [images, size, channels] = x.shape as [number, number, number];
  const index = im2colIndex(axes, positions);
  // One zero pixel behind the last is what indices in the padding point at.
  const padded = index.includes(size) ? tf.concat([x, tf.zeros([images, 1, channels])], 1) : x;
  const patches = tf.gather(padded, tf.tensor1d(index, 'int32'), 1);
  return tf.reshape(patches, [images, sizeOf(positions), sizeOf(axes.kernel) * channels]);
};

/**
 * The adjoint of `columnsOf`: the elements of patches added up where they came from.
 *
 * @param columns [M, P, K C]
 * @returns [M, S, C]
 */
export const imagesOf = (columns: Tensor, axes: ConvAxes, positions: Shape): Tensor => {
  if (isPointwise(axes, positions)) return columns;
  const index = im2colIndex(axes, positions);
  const [images, size] = [columns.shape[0] as number, sizeOf(axes.spatial)];
  const channels = (columns.shape[2] as number) / sizeOf(axes.kernel);
  const rows = tf.transpose(tf.reshape(columns, [images, index.length, channels]), [1, 0, 2]);
  const sums = tf.scatterND(
    tf.tensor2d(index, [index.length, 1], 'int32'),
    tf.reshape(rows, [index.length, images * channels]),
    [size + 1, images * channels],
  );
  const inside = tf.reshape(tf.slice(sums, [0, 0], [size, images * channels]), [size, images, channels]);
  return tf.transpose(inside, [1, 0, 2]);
};
