/**
 * Householder reflections of column vectors, with LAPACK's signs.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { PANEL, panelOf, panelRoom, turnRows, type Panel } from './panel.js';
import { norm, reflect, scaleBy, swap } from './vectors.js';

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

/** Applies H_k of `f` to `count` vectors of length m from `at` on. */
const applyReflector = (
  { m, columns, tau }: Reflectors,
  k: number,
  x: Float64Array,
  at: number,
  count: number,
): void => {
  if (tau[k] === 0 || count <= 0) return;
  const v = k * m + k;
  const beta = columns[v] as number;
  columns[v] = 1;
  reflect(columns, v, tau[k] as number, x, at + k, m, count, m - k);
  columns[v] = beta;
};

/** Reflections k0 ... k1 - 1 of `f` together, for entries from k0 on. */
const panelAt = ({ m, columns, tau }: Reflectors, k0: number, k1: number): Panel => {
  const length = m - k0;
  const V = numbers((k1 - k0) * length);
  for (let k = k0; k < k1; k++) {
    const at = (k - k0) * length + k - k0;
    V.set(columns.subarray(k * m + k, (k + 1) * m), at);
    V[at] = 1;
  }
  return panelOf(V, length, tau.subarray(k0, k1));
};

/** Up to this many numbers stay in the cache from one reflection to the next. */
const CACHED = 2 ** 17;

/** Applies reflections k0 ... k1 - 1 of `f`, last first or (`forward`) first first, to `count` vectors of length m from `at` on. */
const applyPanel = (
  f: Reflectors,
  [k0, k1]: readonly [number, number],
  x: Float64Array,
  at: number,
  count: number,
  forward: boolean,
): void => {
  if (count <= 0) return;
  if (count * (f.m - k0) > CACHED) {
    withRoom(0, () => turnRows(panelAt(f, k0, k1), x, at + k0, f.m, count, !forward));
    return;
  }
  for (let k = k0; k < k1; k++) applyReflector(f, forward ? k : k0 + k1 - 1 - k, x, at, count);
};

/** Numbers that applying reflections of length m to `count` vectors takes room for. */
export const reflectorsRoom = (m: number, count: number): number => PANEL * m + panelRoom(m, count);

/** Squares of the lengths of what is left of columns, and what they were when they were last summed. */
interface Squares {
  readonly now: Float64Array;
  readonly summed: Float64Array;
}

/** Below this part of the last sum a square that only was subtracted from is summed anew. */
const CANCELLED = 1e-6;

/** Squares of entries k ... m - 1 of each column, from those of one entry more. */
const shorten = ({ m, n, columns }: Reflectors, k: number, { now, summed }: Squares): void => {
  for (let j = k; j < n; j++) {
    const gone = k === 0 ? 0 : (columns[j * m + k - 1] as number);
    now[j] = (now[j] as number) - gone * gone;
    if (k > 0 && (now[j] as number) > CANCELLED * (summed[j] as number)) continue;
    now[j] = norm(columns, j * m + k, m - k) ** 2;
    summed[j] = now[j] as number;
  }
};

/** Brings the column of largest remaining norm to place k. */
const pivot = (f: Reflectors, k: number, squares: Squares): void => {
  const { m, n, columns, pivots } = f;
  shorten(f, k, squares);
  let best = k;
  for (let j = k; j < n; j++) if ((squares.now[j] as number) > (squares.now[best] as number)) best = j;
  if (best === k) return;
  swap(columns, k * m, best * m, m);
  for (const list of [pivots, squares.now, squares.summed]) {
    const p = list[k] as number;
    list[k] = list[best] as number;
    list[best] = p;
  }
};

/** Columns that are factored before the others change. */
const WIDTH = 32;

/** Factors columns in panels, so that those to the right change by products of matrices. */
const factorPanels = (f: Reflectors): void => {
  const { m, n, columns, tau } = f;
  for (let k0 = 0; k0 < tau.length; k0 += WIDTH) {
    const k1 = Math.min(tau.length, k0 + WIDTH);
    for (let k = k0; k < k1; k++) {
      tau[k] = reflector(columns, k * m + k, m - k);
      applyReflector(f, k, columns, (k + 1) * m, k1 - k - 1);
    }
    applyPanel(f, [k0, k1], columns, k1 * m, n - k1, true);
  }
};

/** Factors columns one by one, the one of largest remaining norm at each step. */
const factorPivoting = (f: Reflectors): void => {
  const { m, n, columns, tau } = f;
  const squares = { now: new Float64Array(n), summed: new Float64Array(n) };
  for (let k = 0; k < tau.length; k++) {
    pivot(f, k, squares);
    tau[k] = reflector(columns, k * m + k, m - k);
    applyReflector(f, k, columns, (k + 1) * m, n - k - 1);
  }
};

/**
 * Factors the m by n matrix whose columns lie one after another; they are overwritten.
 *
 * @param pivoting take the column of largest remaining norm at each step, so that |R_kk| falls
 */
export const factor = (columns: Float64Array, m: number, n: number, pivoting = false): Reflectors => {
  const f: Reflectors = {
    m,
    n,
    columns,
    tau: new Float64Array(Math.min(m, n)),
    pivots: Int32Array.from({ length: n }, (_, j) => j),
  };
  if (pivoting) factorPivoting(f);
  else factorPanels(f);
  return f;
};

/** Panels of reflections of `f`, last ones first. */
const panelsOf = ({ tau }: Reflectors): ReadonlyArray<readonly [number, number]> =>
  Array.from(
    { length: Math.ceil(tau.length / PANEL) },
    (_, p) => [p * PANEL, Math.min(tau.length, (p + 1) * PANEL)] as const,
  ).toReversed();

/** `x <- Q x` for `count` vectors of length m that lie one after another. */
export const applyQ = (f: Reflectors, x: Float64Array, count: number): void => {
  for (const panel of panelsOf(f)) applyPanel(f, panel, x, 0, count, false);
};

/** Columns `from` to `to` of Q, one after another, where `numbers` puts them. */
export const columnsOfQ = (f: Reflectors, from: number, to: number): Float64Array => {
  const q = numbers((to - from) * f.m);
  for (let j = from; j < to; j++) q[(j - from) * f.m + j] = 1;
  // a reflection leaves unit vectors before its own alone
  for (const panel of panelsOf(f)) {
    const first = Math.max(0, panel[0] - from);
    applyPanel(f, panel, q, first * f.m, to - from - first, false);
  }
  return q;
};
