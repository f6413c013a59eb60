/**
 * One-sided Jacobi rotations.
 */
import { eigenvectors } from './eigh.js';
import { addScaled, dot, rotate } from './vectors.js';

/** More sweeps than any matrix was seen to need; a NaN ends at once. */
const MAX_SWEEPS = 40;

/** `J rows` for two lists of n vectors of length n. */
const combine = (J: Float64Array, rows: Float64Array, n: number): Float64Array => {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) addScaled(out, i * n, J[i * n + k] as number, rows, k * n, n);
  }
  return out;
};

/** Eigenvectors of the products of all pairs of rows, largest eigenvalue first: they make the rows nearly orthogonal. */
const start = (rows: Float64Array, n: number): Float64Array => {
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) gram[i * n + j] = dot(rows, i * n, rows, j * n, n);
  const { vectors } = eigenvectors(gram, n);
  const J = new Float64Array(n * n);
  for (let i = 0; i < n; i++) J.set(vectors.subarray((n - 1 - i) * n, (n - i) * n), i * n);
  return J;
};

/** Rows and the rotation that made them: `rows = J A`. */
export interface Orthogonalised {
  readonly rows: Float64Array;
  readonly J: Float64Array;
}

/** The updated square of a row, computed anew where the update cancelled most of it. */
const square = (rows: Float64Array, i: number, n: number, before: number, after: number): number =>
  after > 0.1 * before ? after : dot(rows, i * n, rows, i * n, n);

/** One sweep over all pairs; false when none was above the tolerance. */
const sweep = ({ rows, J }: Orthogonalised, n: number, tolerance: number): boolean => {
  const squares = Float64Array.from({ length: n }, (_, i) => dot(rows, i * n, rows, i * n, n));
  let rotated = false;
  for (let i = 0; i < n - 1; i++) {
    for (let j = i + 1; j < n; j++) {
      const product = dot(rows, i * n, rows, j * n, n);
      const [a, b] = [squares[i] as number, squares[j] as number];
      if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) continue;
      rotated = true;
      // The smaller of the angles that make both orthogonal.
      const cot = (b - a) / (2 * product);
      const tan = (cot < 0 ? -1 : 1) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
      const cos = 1 / Math.sqrt(1 + tan * tan);
      rotate(rows, i * n, j * n, cos, cos * tan, n);
      rotate(J, i * n, j * n, cos, cos * tan, n);
      squares[i] = square(rows, i, n, a, a - tan * product);
      squares[j] = square(rows, j, n, b, b + tan * product);
    }
  }
  return rotated;
};

/**
 * Rotates rows until every pair is orthogonal up to rounding: `|x y| <= eps sqrt(n) |x| |y|` (Hestenes, 1958). The start
 * from the eigenvectors of the Gram matrix leaves one or two sweeps instead of ten; the sweeps give back the accuracy that
 * squaring lost.
 *
 * @param A n rows of length n, one after another
 */
export const orthogonalise = (A: Float64Array, n: number): Orthogonalised => {
  const J = start(A, n);
  const result = { rows: combine(J, A, n), J };
  const tolerance = Number.EPSILON * Math.sqrt(n);
  for (let k = 0; k < MAX_SWEEPS && sweep(result, n, tolerance); k++);
  return result;
};
