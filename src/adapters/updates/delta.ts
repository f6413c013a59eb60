/**
 * Changes of a weight by products of factors, and others as dense matrices.
 */
import { addMatMul } from '../../ops/add-mat-mul.js';
import { matMul } from '../../ops/mat-mul.js';
import { scatterAdd } from '../../ops/scatter-add.js';
import { sameShape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Hadamard, Kronecker, LowRank, Modulate, Sparse } from '../update.js';
import { inShapeOf } from './view.js';

const times = (s: number, X: Tensor): Tensor => (s === 1 ? X : tf.mul(X, s));

/** s B A. */
export const lowRankDelta = ({ B, A, s }: LowRank): Tensor => times(s, matMul(B, A));

/** W in the shape of B A, changed, and back in its own; the scale comes after the product, as in PEFT. */
const changed = (W: Tensor, B: Tensor, A: Tensor, f: (W: Tensor) => Tensor): Tensor => {
  const shape = [...B.shape.slice(0, -1), A.shape.at(-1) as number];
  return inShapeOf(f(sameShape(shape, W.shape) ? W : tf.reshape(W, shape)), W);
};

/** W + s B A for factors in the shape of W's matrix view, or with an expert axis. */
export const withLowRank = ({ B, A, s }: LowRank, W: Tensor): Tensor =>
  changed(W, B, A, (X) => addMatMul(X, B, A, { s }));

/** W + s (B1 A1) * (B2 A2). */
export const withHadamard = ({ B1, A1, B2, A2, s }: Hadamard, W: Tensor): Tensor =>
  changed(W, B2, A2, (X) => addMatMul(X, B2, A2, { s, factor: matMul(B1, A1) }));

/** W * (1 + s B A). */
export const modulated = ({ B, A, s }: Modulate, W: Tensor): Tensor =>
  changed(W, B, A, (X) => addMatMul(X, B, A, { s, factor: X }));

/**
 * Rows of s C (x) D: row i is C[i div c] (x) D[i mod c], with c the rows of D.
 *
 * @param start the first row
 * @param count how many rows
 */
export const kroneckerRows = ({ C, D, s }: Kronecker, start: number, count: number): Tensor => {
  const [b, c, d] = [C.shape[1] as number, D.shape[0] as number, D.shape[1] as number];
  const at = (f: (i: number) => number): tf.Tensor1D =>
    tf.tensor1d(
      Int32Array.from({ length: count }, (_, i) => f(start + i)),
      'int32',
    );
  const left = tf.reshape(
    tf.gather(
      C,
      at((i) => Math.floor(i / c)),
    ),
    [count, b, 1],
  );
  const right = tf.reshape(
    tf.gather(
      D,
      at((i) => i % c),
    ),
    [count, 1, d],
  );
  return times(s, tf.reshape(tf.mul(left, right), [count, b * d]));
};

/** s C (x) D, [a c, b d]. */
export const kroneckerDelta = (u: Kronecker): Tensor =>
  kroneckerRows(u, 0, (u.C.shape[0] as number) * (u.D.shape[0] as number));

/** W with s values[i] added at places[i]. */
export const withSparse = ({ places, values, s }: Sparse, W: Tensor): Tensor => scatterAdd(W, places, times(s, values));
