/**
 * Where Jacobi rotations start: rows that the eigenvectors of their products make nearly orthogonal, so that one or two sweeps are left
 * instead of ten. Squares lose accuracy, which the sweeps give back.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { eigenvectors, eigenvectorsAbove } from './eigh.js';
import type { TurnedRows } from './jacobi.js';
import { transposeInto } from './matrix.js';
import { addLowerProduct, addProduct } from './product.js';

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
const turnOf = (R: Float64Array, n: number, p: number): Float64Array => {
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

/** Rows of an upper triangular R [n, n], of a factorisation with pivoting. */
export const startOfTriangle = (R: Float64Array, n: number): TurnedRows => {
  const p = clearRows(R, n);
  const J = turnOf(R, n, p);
  return { n, length: n, rows: combine(J, R, n, p), J };
};

/** Rows need no factorisation before where all eigenvalues of their products are above this part of the largest. */
const CLEAR = 1e-10;

/**
 * n rows of length m; nothing where the matrix is so near to a singular one that squares do not tell of its smallest values.
 */
export const startOfRows = (x: Float64Array, n: number, m: number): TurnedRows | undefined => {
  const J = numbers(n * n);
  const found = withRoom(0, () => {
    const [gram, columns] = [numbers(n * n), transposeInto(numbers(m * n), x, n, m)];
    const [a, b] = [
      { x, at: 0, row: m, step: 1 },
      { x: columns, at: 0, row: n },
    ] as const;
    addLowerProduct(n, m, a, b, { x: gram, at: 0, row: n });
    const { vectors } = eigenvectorsAbove(gram, n, CLEAR) ?? {};
    if (vectors === undefined) return false;
    for (let i = 0; i < n; i++) J.set(vectors.subarray((n - 1 - i) * n, (n - i) * n), i * n);
    return true;
  });
  if (!found) return undefined;
  const rows = numbers(n * m);
  addProduct(n, n, m, { x: J, at: 0, row: n, step: 1 }, { x, at: 0, row: m }, { x: rows, at: 0, row: m });
  return { n, length: m, rows, J };
};
