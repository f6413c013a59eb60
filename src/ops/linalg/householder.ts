/**
 * Householder reflections of column vectors, with LAPACK's signs.
 */
import { addScaled, dot, norm, scaleBy, swap } from './vectors.js';

/**
 * A QR factorisation in factored form: Q = H_0 H_1 ... with H_k = I - tau_k v_k v_k^T, where v_k is 0 before entry k and 1 at it.
 * Column j of length `m` lies at `j m`; above the diagonal it holds R, below it the rest of v_j.
 */
export interface Reflectors {
  readonly m: number;
  readonly n: number;
  readonly columns: Float64Array;
  readonly tau: Float64Array;
  /** Column j of what was factored is column `pivots[j]` of the input. */
  readonly pivots: Int32Array;
}

/**
 * Makes the reflection that sends x = (alpha, rest) to (beta, 0), beta = -sign(alpha) |x|, and leaves beta and v in x's
 * place. Where the rest is zero it is the identity and beta = alpha, as in LAPACK's larfg.
 */
const reflector = (x: Float64Array, at: number, n: number): number => {
  const alpha = x[at] as number;
  const rest = norm(x, at + 1, n - 1);
  if (rest === 0) return 0;
  const length =
    Math.max(Math.abs(alpha), rest) *
    Math.sqrt(1 + (Math.min(Math.abs(alpha), rest) / Math.max(Math.abs(alpha), rest)) ** 2);
  const beta = alpha < 0 || Object.is(alpha, -0) ? length : -length;
  scaleBy(x, at + 1, 1 / (alpha - beta), n - 1);
  x[at] = beta;
  return (beta - alpha) / beta;
};

/** Applies H_k of `f` to the vector of length m at `at`: `x -= tau (v^T x) v`. */
const reflect = ({ m, columns, tau }: Reflectors, k: number, x: Float64Array, at: number): void => {
  const [v, n] = [k * m + k, m - k - 1];
  const first = at + k;
  const c = (tau[k] as number) * ((x[first] as number) + dot(columns, v + 1, x, first + 1, n));
  x[first] = (x[first] as number) - c;
  addScaled(x, first + 1, -c, columns, v + 1, n);
};

/** Brings the column of largest remaining norm to place k. */
const pivot = ({ m, n, columns, pivots }: Reflectors, k: number, norms: Float64Array): void => {
  let best = k;
  for (let j = k; j < n; j++) {
    norms[j] = norm(columns, j * m + k, m - k);
    if ((norms[j] as number) > (norms[best] as number)) best = j;
  }
  if (best === k) return;
  swap(columns, k * m, best * m, m);
  const p = pivots[k] as number;
  pivots[k] = pivots[best] as number;
  pivots[best] = p;
};

/**
 * Factors the m by n matrix whose columns lie one after another; they are overwritten.
 *
 * @param pivoting take the column of largest remaining norm at each step, so that |R_kk| falls
 */
export const factor = (columns: Float64Array, m: number, n: number, pivoting = false): Reflectors => {
  const steps = Math.min(m, n);
  const f: Reflectors = {
    m,
    n,
    columns,
    tau: new Float64Array(steps),
    pivots: Int32Array.from({ length: n }, (_, j) => j),
  };
  const norms = new Float64Array(n);
  for (let k = 0; k < steps; k++) {
    if (pivoting) pivot(f, k, norms);
    f.tau[k] = reflector(columns, k * m + k, m - k);
    if (f.tau[k] !== 0) for (let j = k + 1; j < n; j++) reflect(f, k, columns, j * m);
  }
  return f;
};

/** `x <- Q x` for `count` vectors of length m that lie one after another. */
export const applyQ = (f: Reflectors, x: Float64Array, count: number): void => {
  for (let k = f.tau.length - 1; k >= 0; k--) {
    if (f.tau[k] !== 0) for (let j = 0; j < count; j++) reflect(f, k, x, j * f.m);
  }
};

/** Columns `from` to `to` of Q, one after another. */
export const columnsOfQ = (f: Reflectors, from: number, to: number): Float64Array => {
  const q = new Float64Array((to - from) * f.m);
  for (let j = from; j < to; j++) q[(j - from) * f.m + j] = 1;
  // H_k leaves unit vectors before the k-th alone.
  for (let k = f.tau.length - 1; k >= 0; k--) {
    if (f.tau[k] !== 0) for (let j = Math.max(0, k - from); j < to - from; j++) reflect(f, k, q, j * f.m);
  }
  return q;
};
