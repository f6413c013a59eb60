/**
 * The changes of additive updates, as dense matrices.
 */
import { matMul } from '../../ops/mat-mul.js';
import { scatterAdd } from '../../ops/scatter-add.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Hadamard, Kronecker, LowRank, Modulate, Sparse } from '../update.js';

const times = (s: number, X: Tensor): Tensor => (s === 1 ? X : tf.mul(X, s));

/** s B A in the shape of the factors: [m, n], or [E, m, n] with an expert axis. The scale comes last, as in PEFT. */
export const lowRankDelta = ({ B, A, s }: LowRank | Modulate): Tensor => times(s, matMul(B, A));

/** s (B1 A1) * (B2 A2), [m, n]. */
export const hadamardDelta = ({ B1, A1, B2, A2, s }: Hadamard): Tensor =>
  times(s, tf.mul(matMul(B1, A1), matMul(B2, A2)));

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

/** W [m, n] with s values[i] added at (rows[i], columns[i]). */
export const withSparse = ({ rows, columns, values, s }: Sparse, W: Tensor): Tensor => {
  const n = W.shape[1] as number;
  const places = rows.map((row, i) => row * n + (columns[i] as number));
  return scatterAdd(W, places, times(s, values));
};
