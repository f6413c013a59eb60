/**
 * Eigenvalues of symmetric matrices.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { divideAndConquer, divideRoom } from './divide.js';
import { transposeValues, type Matrix } from './matrix.js';
import { tridiagonal, tridiagonalRoom, turnBack } from './tridiagonal.js';
import { binaryScale, largest, scaleBy } from './vectors.js';

/** `A = V diag(w) V^T`: w [n] ascending, V [n, n] orthogonal with the eigenvectors as columns. */
export interface Eigh {
  readonly w: Float64Array;
  readonly V: Matrix;
}

/** Numbers that `eigenvectors` takes room for. */
export const eigenvectorsRoom = (n: number, count = n): number =>
  n * count + Math.max(divideRoom(n), tridiagonalRoom(n, count));

/**
 * Eigenvalues of the symmetric matrix whose lower triangle is in `a` (overwritten), ascending, and the eigenvectors of the `count` largest
 * of them one after another, where `numbers` puts them; all NaN when an entry is not finite.
 */
export const eigenvectors = (
  a: Float64Array,
  n: number,
  count = n,
): { readonly values: Float64Array; readonly vectors: Float64Array } => {
  for (let i = 0; i < n; i++) a.fill(0, i * n + i + 1, (i + 1) * n);
  const scale = binaryScale(a);
  if (!Number.isFinite(largest(a, 0, a.length))) {
    return { values: new Float64Array(n).fill(NaN), vectors: new Float64Array(count * n).fill(NaN) };
  }
  scaleBy(a, 0, 1 / scale, a.length);
  const vectors = numbers(count * n);
  const t = tridiagonal(a, n);
  const sorted = withRoom(0, () => {
    const { values, Z } = divideAndConquer(t.diagonal, t.off, count);
    const order = Int32Array.from(values.keys()).toSorted((i, j) => (values[i] as number) - (values[j] as number));
    order.subarray(n - count).forEach((from, i) => vectors.set(Z.subarray(from * n, from * n + n), i * n));
    return Float64Array.from(order, (i) => (values[i] as number) * scale);
  });
  turnBack(t, vectors, count);
  return { values: sorted, vectors };
};

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: `A = V diag(w) V^T`, by Householder reflections and
 * divide and conquer. Errors are near 1e-16 n times the largest eigenvalue's magnitude, for small eigenvalues too. Signs
 * of eigenvectors are arbitrary. What is not finite gives NaN.
 *
 * @param A [n, n]; only its lower triangle is read, as by `torch.linalg.eigh`
 * @throws when A is not square
 */
export const eigh = (A: Matrix): Eigh => {
  const { rows: n, cols, data } = A;
  if (n !== cols) throw new RangeError(`eigenvalues of a matrix [${n}, ${cols}] that is not square`);
  return withRoom(eigenvectorsRoom(n) + n * n, () => {
    const a = numbers(n * n);
    a.set(data);
    const { values, vectors } = eigenvectors(a, n);
    return { w: values, V: { rows: n, cols: n, data: transposeValues(vectors, n, n) } };
  });
};
