/**
 * Tridiagonal form of symmetric matrices, and its eigenvalues.
 */
import { kernelFor, numbers } from '../kernels/linalg.js';
import { addScaled, dot, norm, reflect, rotate, scaleBy } from './vectors.js';

/** `A = Z^T T Z` with T tridiagonal: `diagonal` [n], `off[i]` between i and i + 1, Z orthogonal with its rows one after another. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  readonly Z: Float64Array;
}

/** `y = A x` for the leading n by n block of a symmetric matrix of which rows `a[i, 0..i]` of length `stride` are read. */
const symmetricProduct = (a: Float64Array, stride: number, n: number, x: Float64Array, y: Float64Array): void => {
  const kernel = kernelFor(a, x, y);
  if (kernel !== undefined) {
    kernel.symmetricProduct(a.byteOffset, 8 * stride, n, x.byteOffset, y.byteOffset);
    return;
  }
  y.fill(0, 0, n);
  for (let i = 0; i < n; i++) {
    const xi = x[i] as number;
    y[i] = dot(a, i * stride, x, 0, i) + (a[i * stride + i] as number) * xi;
    addScaled(y, 0, xi, a, i * stride, i);
  }
};

/** `A -= v p^T + p v^T` for the lower triangle of the same. */
const symmetricUpdate = (a: Float64Array, stride: number, n: number, v: Float64Array, p: Float64Array): void => {
  const kernel = kernelFor(a, v, p);
  if (kernel !== undefined) {
    kernel.symmetricUpdate(a.byteOffset, 8 * stride, n, v.byteOffset, p.byteOffset);
    return;
  }
  for (let k = 0; k < n; k++) {
    addScaled(a, k * stride, -(v[k] as number), p, 0, k + 1);
    addScaled(a, k * stride, -(p[k] as number), v, 0, k + 1);
  }
};

/**
 * One step: reflects the first i coordinates so that row i is zero before entry i - 1. Leaves v in row i, with v_(i-1) = 1,
 * and returns tau (0 where nothing was to do) and the entry that stays.
 */
const step = (a: Float64Array, n: number, i: number, p: Float64Array): readonly [tau: number, entry: number] => {
  const row = i * n;
  const alpha = a[row + i - 1] as number;
  const rest = norm(a, row, i - 1);
  if (rest === 0) return [0, alpha];
  const beta = (alpha < 0 ? 1 : -1) * Math.sqrt(alpha * alpha + rest * rest);
  const tau = (beta - alpha) / beta;
  scaleBy(a, row, 1 / (alpha - beta), i - 1);
  a[row + i - 1] = 1;
  // A <- H A H = A - v w^T - w v^T with p = tau A v and w = p - (tau / 2) (p^T v) v.
  const v = a.subarray(row, row + i);
  symmetricProduct(a, n, i, v, p);
  scaleBy(p, 0, tau, i);
  addScaled(p, 0, (-tau / 2) * dot(p, 0, v, 0, i), v, 0, i);
  symmetricUpdate(a, n, i, v, p);
  return [tau, beta];
};

/**
 * Householder reflections to tridiagonal form.
 *
 * @param a symmetric [n, n], row-major, of which the lower triangle is read; overwritten
 */
export const tridiagonal = (a: Float64Array, n: number): Tridiagonal => {
  const [tau, off, p] = [new Float64Array(n), new Float64Array(n), numbers(n)];
  for (let i = n - 1; i > 0; i--) [tau[i], off[i - 1]] = step(a, n, i, p) as [number, number];
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number);
  const Z = numbers(n * n);
  for (let i = 0; i < n; i++) Z[i * n + i] = 1;
  // Z = H_1 H_2 ...; before H_i only the leading i - 1 rows and columns differ from the identity.
  for (let i = 1; i < n; i++) {
    if (tau[i] !== 0) reflect(a, i * n, tau[i] as number, Z, 0, n, i, i);
  }
  return { diagonal, off, Z };
};

/** Steps allowed for one eigenvalue; two are usual. */
const MAX_STEPS = 60;

/** The first m >= l at which the matrix splits: the entry between m and m + 1 is negligible. */
const splitAt = (d: Float64Array, e: Float64Array, l: number): number => {
  let m = l;
  for (; m < d.length - 1; m++) {
    const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
    if (!(Math.abs(e[m] as number) > Number.EPSILON * size)) break;
  }
  return m;
};

/** Chains of rotations of Z's rows that wait: rows i and i + 1 for i = first, first - 1, ... in each. */
interface Waiting {
  /** Pairs (first, count). */
  readonly chains: Int32Array;
  /** Cosines and sines, in turns. */
  readonly angles: Float64Array;
  readonly strip: Float64Array;
  count: number;
  rotations: number;
}

/** How many chains wait at most. */
const MOST_CHAINS = 32;

/** Turns Z's rows [n, n] by all chains that wait: some columns at a time in the kernel, which stay in the cache through all chains. */
const turn = (Z: Float64Array, n: number, waiting: Waiting): void => {
  const { chains, angles, strip, count } = waiting;
  const kernel = kernelFor(Z, angles, strip);
  if (kernel !== undefined)
    kernel.rotateChains(Z.byteOffset, 8 * n, n, n, chains.byteOffset, count, angles.byteOffset, strip.byteOffset);
  else
    for (let k = 0, at = 0; k < count; k++) {
      const first = chains[2 * k] as number;
      for (let i = first; i > first - (chains[2 * k + 1] as number); i--, at += 2)
        rotate(Z, i * n, (i + 1) * n, angles[at] as number, angles[at + 1] as number, n);
    }
  [waiting.count, waiting.rotations] = [0, 0];
};

/** One implicit QL step with Wilkinson's shift on the block from l to m; what it does to Z waits. */
const qlStep = ({ diagonal: d, off: e }: Tridiagonal, waiting: Waiting, l: number, m: number): void => {
  const { chains, angles, count: chain } = waiting;
  chains[2 * chain] = m - 1;
  chains[2 * chain + 1] = 0;
  waiting.count++;
  const at = (x: Float64Array, i: number): number => x[i] as number;
  const slope = (at(d, l + 1) - at(d, l)) / (2 * at(e, l));
  const root = Math.sqrt(slope * slope + 1);
  let g = at(d, m) - at(d, l) + at(e, l) / (slope + (slope < 0 ? -root : root));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * at(e, i), c * at(e, i)];
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // The block splits here; the next step finds it.
      d[i + 1] = at(d, i + 1) - p;
      e[m] = 0;
      return;
    }
    [s, c] = [f / r, g / r];
    const h = at(d, i + 1) - p;
    const t = (at(d, i) - h) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = h + p;
    g = c * t - b;
    const angle = 2 * waiting.rotations++;
    angles[angle] = c;
    angles[angle + 1] = s;
    chains[2 * chain + 1] = m - i;
  }
  d[l] = at(d, l) - p;
  e[l] = g;
  e[m] = 0;
};

/**
 * Diagonalises a tridiagonal matrix in place: afterwards `diagonal` holds eigenvalues in no order and row i of Z an
 * eigenvector of A for the i-th.
 */
export const diagonalise = (t: Tridiagonal): void => {
  const n = t.diagonal.length;
  const bytes = numbers(MOST_CHAINS);
  const waiting: Waiting = {
    chains: new Int32Array(bytes.buffer, bytes.byteOffset, 2 * MOST_CHAINS),
    angles: numbers(2 * n * MOST_CHAINS),
    strip: numbers(8 * n),
    count: 0,
    rotations: 0,
  };
  for (let l = 0; l < n; l++) {
    for (let k = 0; k < MAX_STEPS; k++) {
      const m = splitAt(t.diagonal, t.off, l);
      if (m === l) break;
      qlStep(t, waiting, l, m);
      if (waiting.count === MOST_CHAINS) turn(t.Z, n, waiting);
    }
  }
  turn(t.Z, n, waiting);
};

/** Numbers that `tridiagonal` and `diagonalise` take room for. */
export const tridiagonalRoom = (n: number): number => n * n + n * (2 * MOST_CHAINS + 9) + MOST_CHAINS + 16;
