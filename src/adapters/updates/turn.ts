/**
 * Updates that multiply a weight from one side: scales, rotations, reflections, deflations.
 */
import { reflections, reflectRows } from '../../ops/linalg/index.js';
import { addMatMul } from '../../ops/add-mat-mul.js';
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import {
  lowRank,
  type BlockAffine,
  type Deflate,
  type LowRank,
  type Reflect,
  type Rotate,
  type Scale,
} from '../update.js';

/** l as a column [m, 1] (axis 0) or a row [1, n] (axis 1). */
export const alongAxis = ({ l, axis }: Scale): Tensor => tf.reshape(l, axis === 0 ? [-1, 1] : [1, -1]);

/** The permutation that takes an order back. */
const inverseOrder = (order: Int32Array): Int32Array => {
  const back = new Int32Array(order.length);
  order.forEach((from, to) => (back[from] = to));
  return back;
};

const along = (X: Tensor, order: Int32Array, axis: 0 | 1): Tensor => tf.gather(X, tf.tensor1d(order, 'int32'), axis);

/** blockdiag(R) W or W blockdiag(R) for a matrix W [m, n]. */
const rotateBlocks = (R: Tensor, axis: 0 | 1, W: Tensor): Tensor => {
  const [k, b] = R.shape as [number, number, number];
  const [m, n] = W.shape as [number, number];
  if (axis === 0) return tf.reshape(matMul(R, tf.reshape(W, [k, b, n])), [m, n]);
  const blocks = tf.transpose(tf.reshape(W, [m, k, b]), [1, 0, 2]);
  return tf.reshape(tf.transpose(matMul(blocks, R), [1, 0, 2]), [m, n]);
};

/** R W or W R for a matrix W [m, n], R block diagonal in the update's order of features. */
export const rotateMatrix = ({ R, axis, order }: Rotate, W: Tensor): Tensor =>
  order === undefined
    ? rotateBlocks(R, axis, W)
    : along(rotateBlocks(R, axis, along(W, order, axis)), inverseOrder(order), axis);

/** W (I + B) + B block by block, for a matrix W [m, n] and B [m / b, b, b]. */
export const blockAffineMatrix = ({ B }: BlockAffine, W: Tensor): Tensor => {
  const [k, b] = B.shape as [number, number, number];
  const [m, n] = W.shape as [number, number];
  // b rows of W are b n / b rows of blocks one after another
  const turned = tf.reshape(matMul(tf.reshape(W, [k, n, b]), B), [k, b, n / b, b]);
  return tf.add(W, tf.reshape(tf.add(turned, tf.reshape(B, [k, b, 1, b])), [m, n]));
};

/** What a deflation adds to a matrix W [m, n]: U (R - V^T W), or (R - W V) U^T. */
export const deflation = ({ U, V, R, axis }: Deflate, W: Tensor): LowRank => {
  const taken = axis === 0 ? matMul(V, W, true) : matMul(W, V);
  const change = R === undefined ? tf.neg(taken) : tf.sub(R, taken);
  return axis === 0 ? lowRank(U, change, 1) : lowRank(change, tf.transpose(U), 1);
};

/** W H_1 ... H_r for a matrix W [m, n]; W - 2 (W U) U^T where the reflections are orthonormal. */
export const reflectMatrix = ({ U, orthonormal }: Reflect, W: Tensor): Tensor =>
  orthonormal ? addMatMul(W, matMul(W, U), tf.transpose(U), { s: -2 }) : reflectRows(W, reflections(U));
