/**
 * One-sided Jacobi rotations.
 */
import { kernelFor, numbers, withRoom } from '../kernels/linalg.js';
import { eigenvectors } from './eigh.js';
import { transposeInto } from './matrix.js';
import { addProduct } from './product.js';
import { dot, rotate } from './vectors.js';

/** More sweeps than any matrix was seen to need; a NaN ends at once. */
const MAX_SWEEPS = 40;

/** Rows or columns of a triangular factor that are taken together. */
const STRIP = 128;

/** Positions 0, `STRIP`, ... below n, each with the next one or n. */
const strips = (n: number): ReadonlyArray<readonly [from: number, to: number]> =>
  Array.from({ length: Math.ceil(n / STRIP) }, (_, k) => [k * STRIP, Math.min(n, (k + 1) * STRIP)] as const);

/** Below this part of the first diagonal entry a row of R is not turned by what squares tell, which would drown it in the others' rounding. */
const DROWNED = 1e-10;

/** How many rows of R can be told of by squares: R is of a factorisation with pivoting, whose diagonal falls. */
const clearRows = (R: Float64Array, n: number): number => {
  let p = 0;
  while (p < n && !(Math.abs(R[p * n + p] as number) <= DROWNED * Math.abs(R[0] as number))) p++;
  return p;
};

/** `J R` for an upper triangular R, entries of whose columns end at the diagonal, and a J that keeps all rows from the p-th on. */
const combine = (J: Float64Array, R: Float64Array, n: number, p: number): Float64Array => {
  const out = numbers(n * n);
  for (const [from, to] of strips(n)) {
    const [a, b] = [
      { x: J, at: 0, row: n, step: 1 },
      { x: R, at: from, row: n },
    ] as const;
    addProduct(p, Math.min(to, p), to - from, a, b, { x: out, at: from, row: n });
  }
  out.set(R.subarray(p * n, n * n), p * n);
  return out;
};

/** Eigenvectors of the products of the first p rows of R, largest eigenvalue first: they make these rows nearly orthogonal. */
const start = (R: Float64Array, n: number, p: number): Float64Array => {
  const J = numbers(n * n);
  withRoom(0, () => {
    const [gram, columns] = [numbers(p * p), transposeInto(J, R, n, n)];
    // entries of a row begin at its diagonal
    for (const [from, to] of strips(p)) {
      const [a, b] = [
        { x: R, at: from * n + from, row: n, step: 1 },
        { x: columns, at: from * n, row: n },
      ] as const;
      addProduct(to - from, n - from, to, a, b, { x: gram, at: from * p, row: p });
    }
    const { vectors } = eigenvectors(gram, p);
    J.fill(0);
    for (let i = 0; i < p; i++) J.set(vectors.subarray((p - 1 - i) * p, (p - i) * p), i * n);
    for (let i = p; i < n; i++) J[i * n + i] = 1;
  });
  return J;
};

/** Rows and the rotation that made them: `rows = J R`. */
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

/** Makes one pair of rows orthogonal, by the smaller of the angles that do; false where it is so up to `tolerance`. */
const rotatePair = (
  { rows, J }: Orthogonalised,
  squares: Float64Array,
  n: number,
  tolerance: number,
  i: number,
  j: number,
): boolean => {
  const product = dot(rows, i * n, rows, j * n, n);
  const [a, b] = [squares[i] as number, squares[j] as number];
  if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) return false;
  const cot = (b - a) / (2 * product);
  const tan = (cot < 0 ? -1 : 1) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
  const cos = 1 / Math.sqrt(1 + tan * tan);
  rotate(rows, i * n, j * n, cos, cos * tan, n);
  rotate(J, i * n, j * n, cos, cos * tan, n);
  squares[i] = square(rows, i, n, a, a - tan * product);
  squares[j] = square(rows, j, n, b, b + tan * product);
  return true;
};

/** Rows that stay in the cache while the others pass by. */
const TOGETHER = 16;

/**
 * One sweep over all pairs of which a row is active; false when none was above the tolerance. The kernel runs it on its memory, with
 * equal bits.
 */
const sweep = (o: Orthogonalised, { active, turned, squares }: Sweep, n: number, tolerance: number): boolean => {
  const { rows, J } = o;
  const kernel = kernelFor(rows, J, squares);
  if (kernel !== undefined) {
    const [flags, out] = [active.byteOffset, turned.byteOffset];
    return kernel.sweep(rows.byteOffset, J.byteOffset, flags, out, squares.byteOffset, n, tolerance) > 0;
  }
  for (let i = 0; i < n; i++) squares[i] = dot(rows, i * n, rows, i * n, n);
  let rotated = false;
  for (let first = 0; first < n; first += TOGETHER)
    for (let j = first + 1; j < n; j++)
      for (let i = first; i < Math.min(first + TOGETHER, j); i++) {
        if (active[i] === 0 && active[j] === 0) continue;
        if (!rotatePair(o, squares, n, tolerance, i, j)) continue;
        rotated = true;
        [turned[i], turned[j]] = [1, 1];
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
 * @param R upper triangular: n rows of length n, one after another
 */
export const orthogonalise = (R: Float64Array, n: number): Orthogonalised => {
  const p = clearRows(R, n);
  const J = start(R, n, p);
  const result = { rows: combine(J, R, n, p), J };
  const tolerance = Number.EPSILON * Math.sqrt(n);
  const squares = numbers(n);
  // a pair that no rotation touches stays as it is
  let [active, turned] = [numbers(n).fill(1), numbers(n)];
  for (let k = 0; k < MAX_SWEEPS && sweep(result, { active, turned, squares }, n, tolerance); k++)
    [active, turned] = [turned, active.fill(0)];
  return result;
};
