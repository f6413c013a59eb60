/**
 * Singular value decomposition.
 */
import { E } from '../../fp.js';
import { numbers, withRoom } from '../kernels/linalg.js';
import { eigenvectorsRoom } from './eigh.js';
import { applyQ, columnsOfQ, factor, reflectorsRoom, type Reflectors } from './householder.js';
import { startOfRows, startOfTriangle } from './jacobi-start.js';
import { orthogonalise, type TurnedRows } from './jacobi.js';
import { multiply, transposed, transposeInto, transposeValues, type Matrix } from './matrix.js';
import { nativeFor } from './native.js';
import { qr } from './qr.js';
import type { Svd } from './values.js';
import { binaryScale, norm, scaleBy } from './vectors.js';

export type { Svd } from './values.js';

/** Below this length a vector of a matrix scaled to 1 counts as zero: its square would underflow. */
const ZERO = 1e-140;

/** R of a factored matrix, [n, n], its rows one after another. */
const rowsOfR = ({ m, n, columns }: Reflectors): Float64Array => {
  const rows = numbers(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) rows[i * n + j] = columns[j * m + i] as number;
  return rows;
};

/** Fills vectors `rank` to n - 1 so that all n vectors of length n are orthonormal, given that the ones before are. */
const complete = (vectors: Float64Array, rank: number, n: number): void => {
  if (rank === n) return;
  vectors.set(columnsOfQ(factor(vectors.slice(0, rank * n), n, rank), rank, n), rank * n);
};

/** Vectors of length n with their entries at `places`. */
const reordered = (x: Float64Array, places: Int32Array, n: number): Float64Array => {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += n)
    for (let k = 0; k < n; k++) out[at + (places[k] as number)] = x[at + k] as number;
  return out;
};

/** Turns each pair of vectors so that the entry of u with the largest magnitude (the first of them) is positive. */
const fixSigns = (u: Float64Array, m: number, v: Float64Array, n: number, count: number): void => {
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let k = 1; k < m; k++) {
      if (Math.abs(u[i * m + k] as number) > Math.abs(u[i * m + best] as number)) best = k;
    }
    if ((u[i * m + best] as number) >= 0) continue;
    scaleBy(u, i * m, -1, m);
    scaleBy(v, i * n, -1, n);
  }
};

/** The same for a decomposition. */
export const withSigns = ({ U, S, Vt }: Svd): Svd => {
  const [u, v] = [transposeValues(U.data, U.rows, U.cols), Float64Array.from(Vt.data)];
  fixSigns(u, U.rows, v, Vt.cols, S.length);
  return { U: { ...U, data: transposeValues(u, U.cols, U.rows) }, S, Vt: { ...Vt, data: v } };
};

/** Vectors of U (length m) and V (length n), one after another, and S. */
interface Triplets {
  readonly u: Float64Array;
  readonly S: Float64Array;
  readonly v: Float64Array;
}

/** Orthogonal rows as lengths, descending, directions, and the rotations that made them, in the same order; rows of length 0 come last. */
interface Directions {
  readonly lengths: Float64Array;
  readonly rank: number;
  readonly units: Float64Array;
  readonly turns: Float64Array;
}

const directionsOf = ({ n, length, rows, J }: TurnedRows): Directions => {
  const lengths = Float64Array.from({ length: n }, (_, i) => norm(rows, i * length, length));
  const order = Int32Array.from({ length: n }, (_, i) => i).toSorted(
    (i, j) => (lengths[j] as number) - (lengths[i] as number),
  );
  const rank = lengths.filter((s) => !(s < ZERO)).length;
  const [units, turns] = [numbers(n * length), numbers(n * n)];
  order.forEach((from, i) => {
    units.set(rows.subarray(from * length, (from + 1) * length), i * length);
    if (i < rank) scaleBy(units, i * length, 1 / (lengths[from] as number), length);
    turns.set(J.subarray(from * n, from * n + n), i * n);
  });
  return { lengths: Float64Array.from(order, (i, at) => (at < rank ? (lengths[i] as number) : 0)), rank, units, turns };
};

/** By QR, from its columns [n, m]: A P = Q R, and with J R = diag(S) W it is A = (Q J^T) diag(S) (W P^T). */
const byTriangle = (columns: Float64Array, m: number, n: number): Triplets => {
  const f = factor(columns, m, n, true);
  const turned = startOfTriangle(rowsOfR(f), n);
  orthogonalise(turned);
  const { lengths, rank, units, turns } = directionsOf(turned);
  complete(units, rank, n);
  const u = numbers(n * m);
  for (let i = 0; i < n; i++) u.set(turns.subarray(i * n, i * n + n), i * m);
  applyQ(f, u, n);
  return { u, S: lengths, v: reordered(units, f.pivots, n) };
};

/** Of a matrix that is not wide: A V has orthogonal columns, if it is not near to a singular one, and else by QR. */
const tall = ({ rows: m, cols: n, data }: Matrix, scale: number): Triplets => {
  const columns = transposeInto(numbers(m * n), data, m, n);
  scaleBy(columns, 0, 1 / scale, columns.length);
  const turned = startOfRows(columns, n, m);
  if (turned === undefined) return byTriangle(columns, m, n);
  orthogonalise(turned);
  const { lengths, units, turns } = directionsOf(turned);
  return { u: units, S: lengths, v: turns };
};

/** Numbers that `svd` takes room for. */
export const svdRoom = (m: number, n: number): number => {
  const [k, long] = [Math.min(m, n), Math.max(m, n)];
  const [all, square] = [m * n, k * k];
  // in turn: eigenvectors, sweeps over the columns, and what Q is applied to
  const rest = Math.max(4 * square + eigenvectorsRoom(k), 2 * all + 4 * square, 6 * square + reflectorsRoom(long, k));
  return 2 * all + rest + 16 * k;
};

/**
 * The thin singular value decomposition in float64: `A = U diag(S) Vt`, k = min(m, n).
 *
 * The eigenvectors V of A^T A, then one-sided Jacobi rotations on the columns of A V; where squares would lose small singular values,
 * the same on the rows of R of a QR factorisation with column pivoting (Drmac and Veselic, 2008). Residual and
 * orthogonality are near 1e-15 sqrt(n); small singular values are found to the same relative accuracy where the matrix
 * allows it. Each left vector's entry of largest magnitude is positive, which is not LAPACK's choice: compare products,
 * not factors. What is not finite gives NaN.
 *
 * A native library does it where one was asked for (`gemm: 'native'` of `useBackend`) and converges.
 *
 * Cost: about 5 m n^2 multiplications for m >= n, or 7 with QR; beyond 1000 columns see `svdTruncated`.
 *
 * @param A [m, n], any sizes
 */
export const svd = (A: Matrix): Svd => {
  const { rows: m, cols: n } = A;
  const native = nativeFor(m * n * Math.min(m, n))?.svd(A);
  if (native !== undefined && E.isRight(native)) return withSigns(native.right);
  const wide = m < n;
  const k = Math.min(m, n);
  return withRoom(svdRoom(m, n), () => {
    const scale = binaryScale(A.data);
    const { u, S, v } = tall(wide ? transposed(A) : A, scale);
    scaleBy(S, 0, scale, k);
    const [left, right] = wide ? [v, u] : [u, v];
    fixSigns(left, m, right, n, k);
    return {
      U: { rows: m, cols: k, data: transposeValues(left, k, m) },
      S,
      Vt: { rows: k, cols: n, data: right.slice() },
    };
  });
};

/** Seconds for each million of m n min(m, n), measured on one core of 2.5 GHz for matrices that need QR. */
const PACE = 2.5e-3;

/** About how many seconds `svd` takes on the kernels of our own; 0 where a native library was asked for. */
export const secondsOfSvd = (m: number, n: number): number => {
  const products = m * n * Math.min(m, n);
  return nativeFor(products) === undefined ? PACE * 1e-6 * products : 0;
};

/** The first r singular triplets (all of them when there are fewer). */
export const leading = ({ U, S, Vt }: Svd, r: number): Svd => {
  const k = Math.min(r, S.length);
  const data = new Float64Array(U.rows * k);
  for (let i = 0; i < U.rows; i++) for (let j = 0; j < k; j++) data[i * k + j] = U.data[i * U.cols + j] as number;
  return {
    U: { rows: U.rows, cols: k, data },
    S: S.slice(0, k),
    Vt: { rows: k, cols: Vt.cols, data: Vt.data.slice(0, k * Vt.cols) },
  };
};

/**
 * The decomposition of a product without forming it: `B A = U diag(S) Vt`, from QR of both factors and a core [r, r].
 *
 * @param B [m, r]
 * @param A [r, n]
 * @returns k = min(m, r, n) triplets
 */
export const svdOfProduct = (B: Matrix, A: Matrix): Svd => {
  const [left, right] = [qr(B), qr(transposed(A))];
  const { U, S, Vt } = svd(multiply(left.R, transposed(right.R)));
  return { U: multiply(left.Q, U), S, Vt: multiply(Vt, transposed(right.Q)) };
};
