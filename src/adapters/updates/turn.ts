/**
 * Updates that multiply a weight from one side: scales, rotations, reflections.
 */
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Reflect, Rotate, Scale } from '../update.js';

/** l as a column [m, 1] (axis 0) or a row [1, n] (axis 1). */
export const alongAxis = ({ l, axis }: Scale): Tensor => tf.reshape(l, axis === 0 ? [-1, 1] : [1, -1]);

/** blockdiag(R) W or W blockdiag(R) for a matrix W [m, n]. */
export const rotateMatrix = ({ R, axis }: Rotate, W: Tensor): Tensor => {
  const [k, b] = R.shape as [number, number, number];
  const [m, n] = W.shape as [number, number];
  if (axis === 0) return tf.reshape(matMul(R, tf.reshape(W, [k, b, n])), [m, n]);
  const blocks = tf.transpose(tf.reshape(W, [m, k, b]), [1, 0, 2]);
  return tf.reshape(tf.transpose(matMul(blocks, R), [1, 0, 2]), [m, n]);
};

/** W - 2 (W U) U^T. */
const through = (W: Tensor, U: Tensor): Tensor => tf.sub(W, tf.mul(matMul(matMul(W, U), U, false, true), 2));

/** W H_1 ... H_r for a matrix W [m, n]; orthonormal reflections at once. */
export const reflectMatrix = ({ U, orthonormal }: Reflect, W: Tensor): Tensor => {
  if (orthonormal) return through(W, U);
  const [n, r] = U.shape as [number, number];
  return Array.from({ length: r }, (_, i) => i).reduce<Tensor>((V, i) => through(V, tf.slice(U, [0, i], [n, 1])), W);
};
