/**
 * Tridiagonal form of symmetric matrices.
 */
import { kernelFor, numbers, withRoom } from '../kernels/linalg.js';
import { PANEL, panelOf, panelRoom, turnRows } from './panel.js';
import { addLowerProduct } from './product.js';
import { addScaled, dot, norm, scaleBy } from './vectors.js';

/** Rows that are reduced before the rest of the matrix changes. */
const TOGETHER = 32;

/**
 * `A = H T H^T` with T tridiagonal: `diagonal` [n], `off[i]` between i and i + 1, and `H = H_(n-1) ... H_2 H_1`, H_i = I - tau_i v_i v_i^T,
 * where entries 0 ... i - 1 of v_i lie in row i of `vectors` and the others are 0.
 */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  readonly vectors: Float64Array;
  readonly tau: Float64Array;
}

/** `y = A x` for the leading n by n block of a symmetric matrix of which rows `a[i, 0..i]` of length `stride` are read; the kernel's bits. */
const symmetricProduct = (a: Float64Array, stride: number, n: number, x: Float64Array, y: Float64Array): void => {
  const kernel = kernelFor(a, x, y);
  if (kernel !== undefined) {
    kernel.symmetricProduct(a.byteOffset, 8 * stride, n, x.byteOffset, y.byteOffset);
    return;
  }
  for (let i = 0; i < n; i++) {
    const [row, whole] = [i * stride, i - (i % 4)];
    let [even, odd] = [0, 0];
    for (let k = 0; k < whole; k += 2) {
      even += (a[row + k] as number) * (x[k] as number);
      odd += (a[row + k + 1] as number) * (x[k + 1] as number);
    }
    let sum = even + odd;
    for (let k = whole; k < i; k++) sum += (a[row + k] as number) * (x[k] as number);
    const xi = x[i] as number;
    addScaled(y, 0, xi, a, row, i);
    y[i] = sum + (a[row + i] as number) * xi;
  }
};

/** Rows of V and W by which the matrix is to change: A <- A - V^T W - W^T V, once for many of them. */
interface Pending {
  readonly n: number;
  /** [-V; -W] and [W; V], row k and row TOGETHER + k for pair k. */
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** Puts the pair (v, w), of which the first i entries count, at place k. */
const remember = ({ n, left, right }: Pending, k: number, v: Float64Array, w: Float64Array, i: number): void => {
  const [first, second] = [k * n, (TOGETHER + k) * n];
  right.set(w.subarray(0, i), first);
  right.set(v, second);
  for (let j = 0; j < i; j++) {
    left[first + j] = -(v[j] as number);
    left[second + j] = -(w[j] as number);
  }
};

/** Brings entries 0 ... i of row i up to date with `count` pairs. */
const updateRow = (a: Float64Array, { n, left, right }: Pending, count: number, i: number): void => {
  for (let k = 0; k < count; k++)
    for (const pair of [k, TOGETHER + k]) addScaled(a, i * n, left[pair * n + i] as number, right, pair * n, i + 1);
};

/** `y = A x` of the first i coordinates, with the pairs that A has not been changed by. */
const productWith = (
  a: Float64Array,
  { n, left, right }: Pending,
  count: number,
  i: number,
  x: Float64Array,
  y: Float64Array,
): void => {
  symmetricProduct(a, n, i, x, y);
  for (let k = 0; k < count; k++)
    for (const pair of [k, TOGETHER + k]) addScaled(y, 0, dot(left, pair * n, x, 0, i), right, pair * n, i);
};

/** `A <- A - V^T W - W^T V` for the lower triangle of the first m coordinates. */
const update = (a: Float64Array, { n, left, right }: Pending, count: number, m: number): void => {
  for (const at of [0, TOGETHER * n])
    addLowerProduct(m, count, { x: left, at, row: 1, step: n }, { x: right, at, row: n }, { x: a, at: 0, row: n });
};

/**
 * The reflection of the first i coordinates that makes row i zero before entry i - 1. Leaves v in row i, with v_(i-1) = 1, and returns
 * tau (0 where nothing was to do) and the entry that stays.
 */
const reflector = (a: Float64Array, n: number, i: number): readonly [tau: number, entry: number] => {
  const row = i * n;
  const alpha = a[row + i - 1] as number;
  const rest = norm(a, row, i - 1);
  a[row + i - 1] = 1;
  if (rest === 0) return [0, alpha];
  const beta = (alpha < 0 ? 1 : -1) * Math.sqrt(alpha * alpha + rest * rest);
  scaleBy(a, row, 1 / (alpha - beta), i - 1);
  return [(beta - alpha) / beta, beta];
};

/**
 * Householder reflections to tridiagonal form, `TOGETHER` rows at a time, last rows first (Dongarra, Sorensen and Hammarling, 1989): half of the
 * operations are products of matrices.
 *
 * @param a symmetric [n, n], row-major, of which the lower triangle is read; it becomes the result's `vectors`
 */
export const tridiagonal = (a: Float64Array, n: number): Tridiagonal => {
  const [tau, off, diagonal] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  withRoom(0, () => {
    const p = numbers(n);
    const pending = { n, left: numbers(2 * TOGETHER * n), right: numbers(2 * TOGETHER * n) };
    for (let top = n; top > 0; top -= TOGETHER) {
      const bottom = Math.max(0, top - TOGETHER);
      for (let i = top - 1; i >= bottom; i--) {
        const count = top - 1 - i;
        updateRow(a, pending, count, i);
        diagonal[i] = a[i * n + i] as number;
        if (i === 0) break;
        const [t, entry] = reflector(a, n, i);
        [tau[i], off[i - 1]] = [t, entry];
        // A <- H A H = A - v w^T - w v^T with p = tau A v and w = p - (tau / 2) (p^T v) v.
        const v = a.subarray(i * n, i * n + i);
        productWith(a, pending, count, i, v, p);
        scaleBy(p, 0, t, i);
        addScaled(p, 0, (-t / 2) * dot(p, 0, v, 0, i), v, 0, i);
        remember(pending, count, v, p, i);
      }
      update(a, pending, top - bottom, bottom);
    }
  });
  return { diagonal, off, vectors: a, tau };
};

/** At least the magnitude of T's largest eigenvalue, and at most three times it. */
export const sizeOf = ({ diagonal, off }: Tridiagonal): number =>
  diagonal.reduce(
    (most, d, i) => Math.max(most, Math.abs(d) + Math.abs(off[i] as number) + Math.abs(off[i - 1] ?? 0)),
    0,
  );

/** Whether all eigenvalues of T are above x: the pivots of T - x I are positive. */
export const isAbove = ({ diagonal, off }: Tridiagonal, x: number): boolean => {
  let pivot = Infinity;
  return diagonal.every((d, i) => (pivot = d - x - (off[i - 1] ?? 0) ** 2 / pivot) > 0);
};

/** Rows X [count, n], eigenvectors of T, become those of A. */
export const turnBack = ({ vectors, tau }: Tridiagonal, X: Float64Array, count: number): void => {
  const n = tau.length;
  for (let from = 1; from < n; from += PANEL) {
    const [to, length] = [Math.min(n, from + PANEL), Math.min(n, from + PANEL) - 1];
    withRoom(0, () => {
      const V = numbers((to - from) * length);
      for (let i = from; i < to; i++) V.set(vectors.subarray(i * n, i * n + i), (i - from) * length);
      turnRows(panelOf(V, length, tau.subarray(from, to)), X, 0, n, count, false);
    });
  }
};

/** Numbers that `tridiagonal` and `turnBack` take room for, of `count` vectors. */
export const tridiagonalRoom = (n: number, count: number): number =>
  Math.max(n * (4 * TOGETHER + 1) + 16, PANEL * n + panelRoom(n, count));
