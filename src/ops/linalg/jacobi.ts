/**
 * One-sided Jacobi rotations.
 */
import { identity } from './matrix.js';
import { dot, norm, rotate } from './vectors.js';

/** More sweeps than any matrix was seen to need; a NaN ends at once. */
const MAX_SWEEPS = 40;

/**
 * Rotates rows until every pair is orthogonal up to rounding, `|x y| <= eps sqrt(n) |x| |y|` (Hestenes, 1958).
 *
 * @param rows n rows of length n, overwritten by J rows
 * @returns the orthogonal J [n, n], its rows one after another
 */
export const orthogonalise = (rows: Float64Array, n: number): Float64Array => {
  const J = identity(n).data as Float64Array;
  const tolerance = Number.EPSILON * Math.sqrt(n);
  const squares = new Float64Array(n);
  for (let sweep = 0, rotated = true; rotated && sweep < MAX_SWEEPS; sweep++) {
    rotated = false;
    for (let i = 0; i < n; i++) squares[i] = dot(rows, i * n, rows, i * n, n);
    for (let i = 0; i < n - 1; i++) {
      for (let j = i + 1; j < n; j++) {
        const product = dot(rows, i * n, rows, j * n, n);
        const [a, b] = [squares[i] as number, squares[j] as number];
        if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) continue;
        rotated = true;
        // The smaller angle that makes both orthogonal.
        const cot = (b - a) / (2 * product);
        const tan = (cot < 0 ? -1 : 1) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
        const cos = 1 / Math.sqrt(1 + tan * tan);
        rotate(rows, i * n, j * n, cos, cos * tan, n);
        rotate(J, i * n, j * n, cos, cos * tan, n);
        squares[i] = afresh(rows, i, n, a, a - tan * product);
        squares[j] = afresh(rows, j, n, b, b + tan * product);
      }
    }
  }
  return J;
};

/** The updated square of row i, computed anew where the update cancelled most of it. */
const afresh = (rows: Float64Array, i: number, n: number, before: number, after: number): number =>
  after > 0.1 * before ? after : norm(rows, i * n, n) ** 2;
