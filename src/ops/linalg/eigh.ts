/**
 * Eigenvalues of symmetric matrices.
 */
import { E } from '../../fp.js';
import { numbers, withRoom } from '../kernels/linalg.js';
import { divideAndConquer, divideRoom } from './divide.js';
import { transposeValues, type Matrix } from './matrix.js';
import { nativeFor } from './native.js';
import { isAbove, sizeOf, tridiagonal, tridiagonalRoom, turnBack, type Tridiagonal } from './tridiagonal.js';
import type { Eigh } from './values.js';
import { binaryScale, largest, scaleBy } from './vectors.js';

export type { Eigh } from './values.js';

/** Numbers that `eigenvectors` takes room for. */
export const eigenvectorsRoom = (n: number, count = n): number =>
  n * count + Math.max(divideRoom(n), tridiagonalRoom(n, count));

/** Eigenvalues, ascending, and vectors of the largest of them one after another, where `numbers` puts them. */
export interface Eigenvectors {
  readonly values: Float64Array;
  readonly vectors: Float64Array<ArrayBuffer>;
}

/** Of a tridiagonal form, whose vectors are turned back. */
const solved = (t: Tridiagonal, vectors: Float64Array<ArrayBuffer>, count: number, scale: number): Eigenvectors => {
  const n = t.diagonal.length;
  const values = withRoom(0, () => {
    const { values, Z } = divideAndConquer(t.diagonal, t.off, count);
    const order = Int32Array.from(values.keys()).toSorted((i, j) => (values[i] as number) - (values[j] as number));
    order.subarray(n - count).forEach((from, i) => vectors.set(Z.subarray(from * n, from * n + n), i * n));
    return Float64Array.from(order, (i) => (values[i] as number) * scale);
  });
  turnBack(t, vectors, count);
  return { values, vectors };
};

/** Scales the lower triangle in `a` to entries near 1; the scale, NaN when an entry is not finite. */
const prepared = (a: Float64Array, n: number): number => {
  for (let i = 0; i < n; i++) a.fill(0, i * n + i + 1, (i + 1) * n);
  if (!Number.isFinite(largest(a, 0, a.length))) return NaN;
  const scale = binaryScale(a);
  scaleBy(a, 0, 1 / scale, a.length);
  return scale;
};

/**
 * Eigenvalues of the symmetric matrix whose lower triangle is in `a` (overwritten) and the eigenvectors of the `count` largest of them;
 * all NaN when an entry is not finite.
 */
export const eigenvectors = (a: Float64Array, n: number, count = n): Eigenvectors => {
  const scale = prepared(a, n);
  if (Number.isNaN(scale))
    return { values: new Float64Array(n).fill(NaN), vectors: new Float64Array(count * n).fill(NaN) };
  const vectors = numbers(count * n);
  return solved(tridiagonal(a, n), vectors, count, scale);
};

/** All eigenvectors of such a matrix if each eigenvalue is above `least` times the largest; nothing when an entry is not finite. */
export const eigenvectorsAbove = (a: Float64Array, n: number, least: number): Eigenvectors | undefined => {
  const scale = prepared(a, n);
  if (Number.isNaN(scale)) return undefined;
  const vectors = numbers(n * n);
  const t = tridiagonal(a, n);
  return isAbove(t, least * sizeOf(t)) ? solved(t, vectors, n, scale) : undefined;
};

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: `A = V diag(w) V^T`, by Householder reflections and
 * divide and conquer. Errors are near 1e-16 n times the largest eigenvalue's magnitude, for small eigenvalues too. Signs
 * of eigenvectors are arbitrary. What is not finite gives NaN. A native library does it where one was asked for and converges.
 *
 * @param A [n, n]; only its lower triangle is read, as by `torch.linalg.eigh`
 * @throws when A is not square
 */
export const eigh = (A: Matrix): Eigh => {
  const { rows: n, cols, data } = A;
  if (n !== cols) throw new RangeError(`eigenvalues of a matrix [${n}, ${cols}] that is not square`);
  const native = nativeFor(n ** 3);
  if (native !== undefined && data.every(Number.isFinite)) {
    const found = native.eigh(A);
    if (E.isRight(found)) return found.right;
  }
  return withRoom(eigenvectorsRoom(n) + n * n, () => {
    const a = numbers(n * n);
    a.set(data);
    const { values, vectors } = eigenvectors(a, n);
    return { w: values, V: { rows: n, cols: n, data: transposeValues(vectors, n, n) } };
  });
};
