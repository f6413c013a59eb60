/**
 * One-sided Jacobi rotations.
 */
import { kernelFor, numbers, withRoom } from '../kernels/linalg.js';
import { transposeInto } from './matrix.js';
import { addLowerProduct, addProduct, type LeftBlock } from './product.js';
import { dot, rotate } from './vectors.js';

/** More sweeps than any matrix was seen to need; a NaN ends at once. */
const MAX_SWEEPS = 40;

/** Rows and the rotation that made them of others, `rows = J R`: n of a length, and J [n, n], one after another. */
export interface TurnedRows {
  readonly n: number;
  readonly length: number;
  readonly rows: Float64Array;
  readonly J: Float64Array;
}

/** Computes the products of pairs of rows of which one is among `changed`, in the lower triangle of `products` [n, n]. */
const multiplyRows = (products: Float64Array, { n, length, rows }: TurnedRows, changed: ReadonlyArray<number>): void =>
  withRoom(0, () => {
    const columns = { x: transposeInto(numbers(length * n), rows, n, length), at: 0, row: n };
    const left = (x: Float64Array): LeftBlock => ({ x, at: 0, row: length, step: 1 });
    if (2 * changed.length > n) {
      addLowerProduct(n, length, left(rows), columns, { x: products.fill(0), at: 0, row: n });
      return;
    }
    const [some, found] = [numbers(changed.length * length), numbers(changed.length * n)];
    changed.forEach((i, k) => some.set(rows.subarray(i * length, (i + 1) * length), k * length));
    addProduct(changed.length, length, n, left(some), columns, { x: found, at: 0, row: n });
    changed.forEach((i, k) => {
      for (let j = 0; j < n; j++) products[Math.max(i, j) * n + Math.min(i, j)] = found[k * n + j] as number;
    });
  });

/** Makes one pair of rows orthogonal, by the smaller of the angles that do; false where it is so up to `tolerance`. */
const rotatePair = (
  { n, length, rows, J }: TurnedRows,
  products: Float64Array,
  tolerance: number,
  i: number,
  j: number,
): boolean => {
  const [x, y] = [i * length, j * length];
  const product = dot(rows, x, rows, y, length);
  const [a, b] = [products[i * n + i] as number, products[j * n + j] as number];
  if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) return false;
  const cot = (b - a) / (2 * product);
  const tan = (cot < 0 ? -1 : 1) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
  const cos = 1 / Math.sqrt(1 + tan * tan);
  rotate(rows, x, y, cos, cos * tan, length);
  rotate(J, i * n, j * n, cos, cos * tan, n);
  // an update that cancelled most of a square is no longer accurate
  const [nextX, nextY] = [a - tan * product, b + tan * product];
  products[i * n + i] = nextX > 0.1 * a ? nextX : dot(rows, x, rows, x, length);
  products[j * n + j] = nextY > 0.1 * b ? nextY : dot(rows, y, rows, y, length);
  return true;
};

/** Rows that stay in the cache while the others pass by. */
const TOGETHER = 16;

/**
 * One sweep over the pairs whose products, as they were before it, are above the tolerance; the rows that it rotated. The kernel runs it
 * on its memory, with equal bits.
 */
const sweep = (turned: TurnedRows, products: Float64Array, tolerance: number): ReadonlyArray<number> =>
  withRoom(0, () => {
    const { n, length, rows, J } = turned;
    const rotated = numbers(n);
    const kernel = kernelFor(rows, J, products);
    if (kernel !== undefined && kernel === kernelFor(rotated)) {
      const [at, to] = [rows.byteOffset, J.byteOffset];
      kernel.sweep(at, length, to, n, products.byteOffset, rotated.byteOffset, tolerance);
    } else
      for (let first = 0; first < n; first += TOGETHER)
        for (let j = first + 1; j < n; j++)
          for (let i = first; i < Math.min(first + TOGETHER, j); i++) {
            const squares = (products[i * n + i] as number) * (products[j * n + j] as number);
            if (!(Math.abs(products[j * n + i] as number) > tolerance * Math.sqrt(squares))) continue;
            if (rotatePair(turned, products, tolerance, i, j)) [rotated[i], rotated[j]] = [1, 1];
          }
    return [...rotated.keys()].filter((i) => rotated[i] !== 0);
  });

/**
 * Rotates rows, in place, until every pair is orthogonal up to rounding: `|x y| <= eps sqrt(length) |x| |y|` (Hestenes, 1958). Each sweep
 * finds its pairs by one product of matrices; from a start that is nearly orthogonal one or two sweeps are enough.
 */
export const orthogonalise = (turned: TurnedRows): void =>
  withRoom(0, () => {
    const { n, length } = turned;
    const tolerance = Number.EPSILON * Math.sqrt(length);
    const products = numbers(n * n);
    // a pair that no rotation touches stays as it is
    let changed: ReadonlyArray<number> = Array.from({ length: n }, (_, i) => i);
    for (let k = 0; k < MAX_SWEEPS && changed.length > 0; k++) {
      multiplyRows(products, turned, changed);
      changed = sweep(turned, products, tolerance);
    }
  });
