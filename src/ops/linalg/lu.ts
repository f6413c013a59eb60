/**
 * Linear systems on the host, by elimination with partial pivoting.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { numbers, withRoom } from '../kernels/linalg.js';
import { identity, matrix, type Matrix } from './matrix.js';
import { nativeFor } from './native.js';
import { addProduct, type Block } from './product.js';
import { addScaled, scaleBy, swap } from './vectors.js';

/** Columns that are eliminated together; what is to the right of them changes by one product. */
const WIDTH = 32;

/** A X = B in two arrays: A [n, n] becomes its factors, L below the diagonal and U from it on, and B [n, cols] becomes X. */
interface System {
  readonly n: number;
  readonly a: Float64Array;
  readonly cols: number;
  readonly x: Float64Array;
  /** Room for negated columns [n, WIDTH]. */
  readonly left: Float64Array;
}

/** Row, from k on, of the entry of largest magnitude in column k. */
const pivotRow = ({ a, n }: System, k: number): number => {
  let best = k;
  for (let i = k + 1; i < n; i++) {
    if (Math.abs(a[i * n + k] as number) > Math.abs(a[best * n + k] as number)) best = i;
  }
  return best;
};

/** `rows [from, to) of M -= A[from ... to, k0 ... k1] rows [k0, k1) of M`, for columns of M from `start` on. */
const subtractProduct = (
  s: System,
  rows: readonly [number, number],
  k0: number,
  k1: number,
  m: Block,
  start: number,
): void => {
  const [from, to] = rows;
  const { a, n, left } = s;
  const width = k1 - k0;
  if (from >= to || start >= m.row) return;
  for (let i = from, at = 0; i < to; i++) for (let k = k0; k < k1; k++, at++) left[at] = -(a[i * n + k] as number);
  const block = (row: number): Block => ({ ...m, at: row * m.row + start });
  addProduct(to - from, width, m.row - start, { x: left, at: 0, row: width, step: 1 }, block(k0), block(from));
};

/** Eliminates columns k0 ... k1 - 1 within themselves; the step whose pivot is zero, or -1. */
const eliminatePanel = (s: System, k0: number, k1: number): number => {
  const { a, n, x, cols } = s;
  for (let k = k0; k < k1; k++) {
    const p = pivotRow(s, k);
    const pivot = a[p * n + k] as number;
    if (pivot === 0) return k;
    if (p !== k) {
      swap(a, k * n, p * n, n);
      swap(x, k * cols, p * cols, cols);
    }
    for (let i = k + 1; i < n; i++) {
      const c = (a[i * n + k] as number) / pivot;
      a[i * n + k] = c;
      if (c !== 0) addScaled(a, i * n + k + 1, -c, a, k * n + k + 1, k1 - k - 1);
    }
  }
  return -1;
};

/** `rows k0 ... k1 - 1 of M <- L^-1 (those rows)` with the unit lower triangle of the block, for columns of M from `start` on. */
const forwardRows = ({ a, n }: System, k0: number, k1: number, { x, row }: Block, start: number): void => {
  for (let i = k0 + 1; i < k1; i++) {
    for (let k = k0; k < i; k++)
      addScaled(x, i * row + start, -(a[i * n + k] as number), x, k * row + start, row - start);
  }
};

/** LU with B taken along, then the way back; the step whose pivot is zero, or -1. */
const solveInPlace = (s: System): number => {
  const { a, n, x, cols } = s;
  const [A, X]: [Block, Block] = [
    { x: a, at: 0, row: n },
    { x, at: 0, row: cols },
  ];
  for (let k0 = 0; k0 < n; k0 += WIDTH) {
    const k1 = Math.min(n, k0 + WIDTH);
    const step = eliminatePanel(s, k0, k1);
    if (step >= 0) return step;
    for (const [m, start] of [
      [A, k1],
      [X, 0],
    ] as const) {
      forwardRows(s, k0, k1, m, start);
      subtractProduct(s, [k1, n], k0, k1, m, start);
    }
  }
  for (let k1 = n; k1 > 0; k1 = Math.floor((k1 - 1) / WIDTH) * WIDTH) {
    const k0 = Math.floor((k1 - 1) / WIDTH) * WIDTH;
    for (let i = k1 - 1; i >= k0; i--) {
      for (let k = i + 1; k < k1; k++) addScaled(x, i * cols, -(a[i * n + k] as number), x, k * cols, cols);
      scaleBy(x, i * cols, 1 / (a[i * n + i] as number), cols);
    }
    subtractProduct(s, [0, k0], k0, k1, X, 0);
  }
  return -1;
};

const solvedHere = (A: ArrayLike<number>, B: ArrayLike<number>, n: number): Float64Array | number =>
  withRoom(A.length + B.length + WIDTH * n, () => {
    const s = {
      n,
      a: numbers(A.length),
      cols: n === 0 ? 0 : B.length / n,
      x: numbers(B.length),
      left: numbers(WIDTH * n),
    };
    s.a.set(A);
    s.x.set(B);
    const step = solveInPlace(s);
    return step < 0 ? s.x.slice() : step;
  });

/**
 * X of `A X = B` by blocked LU with partial pivoting, or the step whose pivot is zero; by a native library where one was asked for.
 *
 * @param A n rows of n entries
 * @param B n rows
 */
export const solved = (A: ArrayLike<number>, B: ArrayLike<number>, n: number): Float64Array | number =>
  nativeFor(n * B.length)?.solve(A, B, n) ?? solvedHere(A, B, n);

const requireSquare = (what: string, { rows, cols }: Matrix): void => {
  if (rows !== cols) throw new RangeError(`${what} of a matrix [${rows}, ${cols}] that is not square`);
};

const orSingular = (at: string, X: Float64Array | number, rows: number, cols: number): Result<Matrix> =>
  typeof X === 'number'
    ? fail(at, 'a matrix of full rank', `pivot ${X} is zero`, 'its columns are linearly dependent')
    : E.right(matrix(rows, cols, X));

/**
 * The inverse in float64: `X A = A X = I`.
 *
 * @param A [n, n]
 * @returns a problem when elimination meets a pivot of exactly zero; nearly singular matrices give large entries
 * @throws when A is not square
 */
export const hostInverse = (A: Matrix): Result<Matrix> => {
  requireSquare('inverse', A);
  return orSingular('inverse', solved(A.data, identity(A.rows).data, A.rows), A.rows, A.cols);
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
  return orSingular('solve', solved(A.data, B.data, A.rows), B.rows, B.cols);
};
