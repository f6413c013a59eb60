/**
 * Tridiagonal form of symmetric matrices, and its eigenvalues.
 */
import { identity } from './matrix.js';
import { addScaled, dot, norm, rotate, scaleBy } from './vectors.js';

/** `A = Z^T T Z` with T tridiagonal: `diagonal` [n], `off[i]` between i and i + 1, Z orthogonal with its rows one after another. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  readonly Z: Float64Array;
}

/** `y = A x` for the leading n by n block of a symmetric matrix of which rows `a[i, 0..i]` of length `stride` are read. */
const symmetricProduct = (a: Float64Array, stride: number, n: number, x: Float64Array, y: Float64Array): void => {
  y.fill(0, 0, n);
  for (let i = 0; i < n; i++) {
    const xi = x[i] as number;
    y[i] = dot(a, i * stride, x, 0, i) + (a[i * stride + i] as number) * xi;
    addScaled(y, 0, xi, a, i * stride, i);
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
  for (let k = 0; k < i; k++) {
    const [vk, pk] = [v[k] as number, p[k] as number];
    for (let l = 0; l <= k; l++) {
      a[k * n + l] = (a[k * n + l] as number) - vk * (p[l] as number) - pk * (v[l] as number);
    }
  }
  return [tau, beta];
};

/**
 * Householder reflections to tridiagonal form.
 *
 * @param a symmetric [n, n], row-major, of which the lower triangle is read; overwritten
 */
export const tridiagonal = (a: Float64Array, n: number): Tridiagonal => {
  const [tau, off, p] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  for (let i = n - 1; i > 0; i--) [tau[i], off[i - 1]] = step(a, n, i, p) as [number, number];
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number);
  const Z = identity(n).data as Float64Array;
  // Z = H_1 H_2 ...; before H_i only the leading i - 1 rows and columns differ from the identity.
  for (let i = 1; i < n; i++) {
    if (tau[i] === 0) continue;
    for (let r = 0; r < i; r++) {
      addScaled(Z, r * n, -(tau[i] as number) * dot(Z, r * n, a, i * n, i), a, i * n, i);
    }
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

/** One implicit QL step with Wilkinson's shift on the block from l to m. */
const qlStep = ({ diagonal: d, off: e, Z }: Tridiagonal, l: number, m: number): void => {
  const n = d.length;
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
    rotate(Z, i * n, (i + 1) * n, c, s, n);
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
  for (let l = 0; l < t.diagonal.length; l++) {
    for (let k = 0; k < MAX_STEPS; k++) {
      const m = splitAt(t.diagonal, t.off, l);
      if (m === l) break;
      qlStep(t, l, m);
    }
  }
};
