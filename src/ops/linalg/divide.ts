/**
 * Eigenvalues of tridiagonal matrices by divide and conquer (Cuppen, 1981).
 */
import { numbers } from '../kernels/linalg.js';
import { addProduct } from './product.js';
import { diagonaliseSmall, TINY } from './ql.js';
import { vectorsOf, zerosOf } from './secular.js';
import { largest, rotate } from './vectors.js';

/** Sides up to which QL steps are as quick. */
const SMALL = 32;

/** T, of which `d` becomes eigenvalues, in no order, and row i of Z [n, n] an eigenvector for d[i]. */
interface System {
  readonly n: number;
  readonly d: Float64Array;
  readonly e: Float64Array;
  readonly Z: Float64Array;
  /** Room for n n numbers each. */
  readonly work: Float64Array;
  readonly U: Float64Array;
}

/** Where two solved parts meet: rows and columns lo ... mid - 1 and mid ... hi - 1. */
interface Seam {
  readonly lo: number;
  readonly mid: number;
  readonly hi: number;
}

/** Which part a vector is not zero in. */
const [FIRST, BOTH, SECOND] = [0, 1, 2];

/** Vectors by their rows from lo on: those that joining the parts changes, eigenvalues ascending, and those that it leaves. */
interface Deflation {
  readonly changed: ReadonlyArray<number>;
  readonly left: ReadonlyArray<number>;
  readonly span: Uint8Array;
}

/**
 * What `diag(d) + rho z z^T` leaves as it is, up to rounding: vectors with no part in z, and of each pair of nearly equal eigenvalues
 * one turn of both, which takes its part over to the other.
 */
const deflate = ({ n, d, Z }: System, { lo, mid, hi }: Seam, z: Float64Array, rho: number): Deflation => {
  const m = hi - lo;
  const order = Int32Array.from(z.keys()).toSorted((i, j) => (d[lo + i] as number) - (d[lo + j] as number));
  const span = Uint8Array.from(z, (_, i) => (i < mid - lo ? FIRST : SECOND));
  const tolerance = Math.max(TINY, 4 * Number.EPSILON * (largest(d, lo, m) + rho));
  const [changed, left]: [number[], number[]] = [[], []];
  let before = -1;
  for (const i of order) {
    const b = z[i] as number;
    if (rho * Math.abs(b) <= tolerance) {
      left.push(i);
      continue;
    }
    if (before >= 0) {
      const [x, y, a] = [d[lo + before] as number, d[lo + i] as number, z[before] as number];
      const size = Math.sqrt(a * a + b * b);
      const [c, s] = [b / size, a / size];
      if (Math.abs((y - x) * c * s) > tolerance) changed.push(before);
      else {
        rotate(Z, (lo + before) * n + lo, (lo + i) * n + lo, c, s, m);
        d[lo + before] = x * c * c + y * s * s;
        d[lo + i] = x * s * s + y * c * c;
        z[i] = size;
        if (span[before] !== span[i]) span[before] = span[i] = BOTH;
        left.push(before);
      }
    }
    before = i;
  }
  if (before >= 0) changed.push(before);
  return { changed, left, span };
};

/** Copies columns `from` to `to` of some of Z's rows to `work` from `at` on; returns where they end. */
const gather = ({ n, Z, work }: System, rows: ReadonlyArray<number>, from: number, to: number, at: number): number => {
  rows.forEach((row, k) => work.set(Z.subarray(row * n + from, row * n + to), at + k * (to - from)));
  return at + rows.length * (to - from);
};

/** The first of some ascending values that is among the `count` largest of these and others. */
const firstWanted = (values: Float64Array, others: ReadonlyArray<number>, count: number): number => {
  const least = Float64Array.of(...values, ...others).toSorted()[values.length + others.length - count] as number;
  const first = values.findIndex((v) => v >= least);
  return first < 0 ? values.length : first;
};

/** Joins two parts between which T has the entry `beta`; vectors other than those of the `count` largest eigenvalues may become 0. */
const join = (s: System, seam: Seam, beta: number, count: number): void => {
  const { n, d, Z, work, U } = s;
  const { lo, mid, hi } = seam;
  const [m, rho] = [hi - lo, Math.abs(beta)];
  // T is the parts, less rho where they meet, plus rho v v^T with v = (0, ..., 1, sign(beta), 0, ...), and z = Z v
  const z = Float64Array.from({ length: m }, (_, i) => {
    const row = (lo + i) * n;
    return lo + i < mid ? (Z[row + mid - 1] as number) : Math.sign(beta) * (Z[row + mid] as number);
  });
  const { changed, left, span } = deflate(s, seam, z, rho);
  const K = changed.length;
  // rows of the first part, of both, and of the second one lie together, so that two products leave out the zeros
  const grouped = [...changed.keys()].toSorted(
    (i, j) => (span[changed[i] as number] as number) - (span[changed[j] as number] as number),
  );
  const places = new Int32Array(K);
  grouped.forEach((k, place) => (places[k] = place));
  const rows = grouped.map((k) => changed[k] as number);
  const [first, second] = [rows.filter((i) => span[i] !== SECOND), rows.filter((i) => span[i] !== FIRST)];
  const absolute = (i: number): number => lo + i;
  const a = gather(s, first.map(absolute), lo, mid, 0);
  const b = gather(s, second.map(absolute), mid, hi, a);
  gather(s, left.map(absolute), lo, hi, b);
  const kept = left.map((i) => d[lo + i] as number);
  const entries = (x: Float64Array, at: number): Float64Array => Float64Array.from(changed, (i) => x[at + i] as number);
  const zeros = zerosOf({ d: entries(d, lo), z: entries(z, 0), rho }, U);
  const start = firstWanted(zeros.values, kept, count);
  vectorsOf(zeros, U, start, places);
  d.set([...zeros.values, ...kept], lo);
  for (let row = lo; row < hi; row++) Z.fill(0, row * n + lo, row * n + hi);
  left.forEach((_, k) => Z.set(work.subarray(b + k * m, b + (k + 1) * m), (lo + K + k) * n + lo));
  const times = (k0: number, count: number, at: number, from: number, to: number): void => {
    const of = { x: U, at: start * K + k0, row: K, step: 1 };
    const out = { x: Z, at: (lo + start) * n + from, row: n };
    addProduct(K - start, count, to - from, of, { x: work, at, row: to - from }, out);
  };
  times(0, first.length, 0, lo, mid);
  times(K - second.length, second.length, a, mid, hi);
};

/** The part lo ... hi - 1 by QL steps. */
const solveSmall = ({ n, d, e, Z }: System, lo: number, hi: number): void => {
  const m = hi - lo;
  const part = { d: d.slice(lo, hi), e: new Float64Array(m), Z: new Float64Array(m * m) };
  part.e.set(e.subarray(lo, hi - 1));
  for (let i = 0; i < m; i++) part.Z[i * m + i] = 1;
  diagonaliseSmall(part);
  d.set(part.d, lo);
  for (let i = 0; i < m; i++) Z.set(part.Z.subarray(i * m, (i + 1) * m), (lo + i) * n + lo);
};

const solve = (s: System, lo: number, hi: number, count: number): void => {
  if (hi - lo <= SMALL) return solveSmall(s, lo, hi);
  const mid = (lo + hi) >> 1;
  const beta = s.e[mid - 1] as number;
  for (const i of [mid - 1, mid]) s.d[i] = (s.d[i] as number) - Math.abs(beta);
  solve(s, lo, mid, mid - lo);
  solve(s, mid, hi, hi - mid);
  join(s, { lo, mid, hi }, beta, count);
};

/**
 * Eigenvalues of the tridiagonal matrix with `diagonal` [n] and `off[i]` between i and i + 1, in no order, and an eigenvector for each
 * as the rows of Z, where `numbers` puts them; rows other than those of the `count` largest may be 0. Entries are of magnitudes near 1
 * at most.
 */
export const divideAndConquer = (
  diagonal: Float64Array,
  off: Float64Array,
  count: number,
): { readonly values: Float64Array; readonly Z: Float64Array } => {
  const n = diagonal.length;
  const [Z, work, U] = [numbers(n * n), numbers(n * n), numbers(n * n)];
  const d = diagonal.slice();
  solve({ n, d, e: off, Z, work, U }, 0, n, count);
  return { values: d, Z };
};

/** Numbers that `divideAndConquer` takes room for. */
export const divideRoom = (n: number): number => 3 * n * n;
