/**
 * One-sided Jacobi rotations.
 */
import { kernelFor, numbers, withRoom } from '../kernels/linalg.js';
import { eigenvectors } from './eigh.js';
import { transposeInto } from './matrix.js';
import { addLowerProduct, addProduct } from './product.js';
import { dot, rotate } from './vectors.js';

/** More sweeps than any matrix was seen to need; a NaN ends at once. */
const MAX_SWEEPS = 40;

/** `J rows` for two lists of n vectors of length n. */
const combine = (J: Float64Array, rows: Float64Array, n: number): Float64Array => {
  const out = numbers(n * n);
  addProduct(n, n, n, { x: J, at: 0, row: n, step: 1 }, { x: rows, at: 0, row: n }, { x: out, at: 0, row: n });
  return out;
};

/** Eigenvectors of the products of all pairs of rows, largest eigenvalue first: they make the rows nearly orthogonal. */
const start = (rows: Float64Array, n: number): Float64Array => {
  const J = numbers(n * n);
  withRoom(0, () => {
    const [gram, columns] = [numbers(n * n), transposeInto(J, rows, n, n)];
    const block = { at: 0, row: n } as const;
    addLowerProduct(n, n, { x: rows, ...block, step: 1 }, { x: columns, ...block }, { x: gram, ...block });
    const { vectors } = eigenvectors(gram, n);
    for (let i = 0; i < n; i++) J.set(vectors.subarray((n - 1 - i) * n, (n - i) * n), i * n);
  });
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

/** Rows by number that count in a sweep (not 0), rows that it rotates, and room for squares of lengths. */
interface Sweep {
  readonly active: Float64Array;
  readonly turned: Float64Array;
  readonly squares: Float64Array;
}

/**
 * One sweep over all pairs of which a row is active; false when none was above the tolerance. The kernel runs it on its memory, with
 * equal bits.
 */
const sweep = (
  { rows, J }: Orthogonalised,
  { active, turned, squares }: Sweep,
  n: number,
  tolerance: number,
): boolean => {
  const kernel = kernelFor(rows, J, squares);
  if (kernel !== undefined) {
    const [flags, out] = [active.byteOffset, turned.byteOffset];
    return kernel.sweep(rows.byteOffset, J.byteOffset, flags, out, squares.byteOffset, n, tolerance) > 0;
  }
  for (let i = 0; i < n; i++) squares[i] = dot(rows, i * n, rows, i * n, n);
  let rotated = false;
  for (let i = 0; i < n - 1; i++) {
    for (let j = i + 1; j < n; j++) {
      if (active[i] === 0 && active[j] === 0) continue;
      const product = dot(rows, i * n, rows, j * n, n);
      const [a, b] = [squares[i] as number, squares[j] as number];
      if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) continue;
      rotated = true;
      [turned[i], turned[j]] = [1, 1];
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
 * What it gives lies where `numbers` puts it: copy what is to stay.
 *
 * @param A n rows of length n, one after another
 */
export const orthogonalise = (A: Float64Array, n: number): Orthogonalised => {
  const J = start(A, n);
  const result = { rows: combine(J, A, n), J };
  const tolerance = Number.EPSILON * Math.sqrt(n);
  const squares = numbers(n);
  // a pair that no rotation touches stays as it is
  let [active, turned] = [numbers(n).fill(1), numbers(n)];
  for (let k = 0; k < MAX_SWEEPS && sweep(result, { active, turned, squares }, n, tolerance); k++)
    [active, turned] = [turned, active.fill(0)];
  return result;
};
