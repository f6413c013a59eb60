/**
 * Linear systems on the host, by elimination with partial pivoting.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { matrix, type Matrix } from './matrix.js';
import { addScaled, scaleBy, swap } from './vectors.js';

/** Row, from k on, of the entry of largest magnitude in column k of the n by n matrix at `at`. */
const pivotRow = (a: Float64Array, at: number, n: number, k: number): number => {
  let best = k;
  for (let i = k + 1; i < n; i++) {
    if (Math.abs(a[at + i * n + k] as number) > Math.abs(a[at + best * n + k] as number)) best = i;
  }
  return best;
};

/**
 * Inverts the n by n matrix at `at` in place (Gauss and Jordan, with partial pivoting).
 *
 * @returns the step whose pivot was zero, or -1: then it is the inverse
 */
export const invertInPlace = (a: Float64Array, at: number, n: number): number => {
  const pivots = new Int32Array(n);
  for (let k = 0; k < n; k++) {
    const p = pivotRow(a, at, n, k);
    pivots[k] = p;
    const row = at + k * n;
    if (p !== k) swap(a, row, at + p * n, n);
    const value = a[row + k] as number;
    if (value === 0) return k;
    a[row + k] = 1;
    scaleBy(a, row, 1 / value, n);
    for (let i = 0; i < n; i++) {
      const other = at + i * n;
      const c = a[other + k] as number;
      if (i === k || c === 0) continue;
      a[other + k] = 0;
      addScaled(a, other, -c, a, row, n);
    }
  }
  // Rows were exchanged, so the inverse's columns are, in reverse order.
  for (let k = n - 1; k >= 0; k--) {
    const p = pivots[k] as number;
    if (p !== k) for (let i = 0; i < n; i++) swap(a, at + i * n + k, at + i * n + p, 1);
  }
  return -1;
};

const singular = (at: string, step: number): Result<never> =>
  fail(at, 'a matrix of full rank', `pivot ${step} is zero`, 'its columns are linearly dependent');

const requireSquare = (what: string, { rows, cols }: Matrix): void => {
  if (rows !== cols) throw new RangeError(`${what} of a matrix [${rows}, ${cols}] that is not square`);
};

/**
 * The inverse in float64: `X A = A X = I`.
 *
 * @param A [n, n]
 * @returns a problem when elimination meets a pivot of exactly zero; nearly singular matrices give large entries
 * @throws when A is not square
 */
export const hostInverse = (A: Matrix): Result<Matrix> => {
  requireSquare('inverse', A);
  const data = Float64Array.from(A.data);
  const step = invertInPlace(data, 0, A.rows);
  return step < 0 ? E.right(matrix(A.rows, A.cols, data)) : singular('inverse', step);
};

/**
 * The solution of `A X = B` in float64, by LU with partial pivoting.
 *
 * @param A [n, n]
 * @param B [n, k]
 * @returns X [n, k], or a problem when elimination meets a pivot of exactly zero
 * @throws when A is not square or B has other rows
 */
export const hostSolve = (A: Matrix, B: Matrix): Result<Matrix> => {
  requireSquare('solve', A);
  if (B.rows !== A.rows) throw new RangeError(`solve with ${A.rows} equations and ${B.rows} right-hand rows`);
  const [n, cols] = [A.rows, B.cols];
  const [a, x] = [Float64Array.from(A.data), Float64Array.from(B.data)];
  for (let k = 0; k < n; k++) {
    const p = pivotRow(a, 0, n, k);
    const pivot = a[p * n + k] as number;
    if (pivot === 0) return singular('solve', k);
    if (p !== k) {
      swap(a, k * n, p * n, n);
      swap(x, k * cols, p * cols, cols);
    }
    for (let i = k + 1; i < n; i++) {
      const c = (a[i * n + k] as number) / pivot;
      if (c === 0) continue;
      addScaled(a, i * n + k, -c, a, k * n + k, n - k);
      addScaled(x, i * cols, -c, x, k * cols, cols);
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    scaleBy(x, k * cols, 1 / (a[k * n + k] as number), cols);
    for (let i = 0; i < k; i++) addScaled(x, i * cols, -(a[i * n + k] as number), x, k * cols, cols);
  }
  return E.right(matrix(n, cols, x));
};
