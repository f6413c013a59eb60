/**
 * The matrix view of a weight: W [m, ...rest] as [m, n].
 */
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** Rows and columns of the matrix view of a shape; a vector is one column. */
export const matrixView = (shape: Shape): readonly [rows: number, columns: number] => [
  shape[0] ?? 1,
  sizeOf(shape.slice(1)),
];

/** W as [m, n]; W itself when it is a matrix. */
export const asMatrix = (W: Tensor): Tensor => (W.rank === 2 ? W : tf.reshape(W, [...matrixView(W.shape)]));

/** `x` in the shape of `like`; `x` itself when it has that shape. */
export const inShapeOf = (x: Tensor, like: Tensor): Tensor =>
  x.rank === like.rank && x.shape.every((d, i) => d === like.shape[i]) ? x : tf.reshape(x, like.shape);
