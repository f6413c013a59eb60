/**
 * The leading singular triplets of a large matrix, as accurate as the whole decomposition.
 */
import { key, normalValues } from '../random.js';
import { multiply, transposed, transposeValues, type Matrix } from './matrix.js';
import { leading, svd, type Svd } from './svd.js';
import { addScaled, dot, norm, scaleBy } from './vectors.js';

/** Sides up to which the whole decomposition is as quick. */
const WHOLE = 256;

/** A triplet has converged when it solves A v = s u and A^T u = s v up to this part of the largest s. */
const TOLERANCE = 1e-12;

/** Steps that look for a triplet that was missed, and how much larger it would be. */
const PROBES = 24;
const LARGER = 1 + 1e-9;

/** A as rows in float64. */
interface Rows {
  readonly m: number;
  readonly n: number;
  readonly data: Float64Array;
}

/** A U_k = V_k B_k: vectors one after another, B_k bidiagonal with `alpha` and above it `beta`; beta_k leads on. */
interface Steps {
  readonly U: Float64Array;
  readonly V: Float64Array;
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
  count: number;
}

/** `y = A x - c y`. */
const forward = ({ m, n, data }: Rows, x: Float64Array, at: number, y: Float64Array, c: number): void => {
  for (let i = 0; i < m; i++) y[i] = dot(data, i * n, x, at, n) - c * (y[i] as number);
};

/** `x = A^T y - c x`. */
const back = ({ m, n, data }: Rows, y: Float64Array, at: number, x: Float64Array, c: number): void => {
  scaleBy(x, 0, -c, n);
  for (let i = 0; i < m; i++) addScaled(x, 0, y[at + i] as number, data, i * n, n);
};

/** Takes the parts of x along `count` orthonormal vectors out of it, twice because of rounding. */
const orthogonalise = (x: Float64Array, basis: Float64Array, count: number): void => {
  const n = x.length;
  for (let pass = 0; pass < 2; pass++)
    for (let j = 0; j < count; j++) addScaled(x, 0, -dot(basis, j * n, x, 0, n), basis, j * n, n);
};

/** x at unit norm and its norm before; where nothing but rounding is left of it, a random direction with norm 0. */
const normalised = (x: Float64Array, tiny: number, away: (x: Float64Array) => void, seed: number): number => {
  const length = norm(x, 0, x.length);
  if (length > tiny) {
    scaleBy(x, 0, 1 / length, x.length);
    return length;
  }
  x.set(normalValues(key(seed), x.length));
  away(x);
  const random = norm(x, 0, x.length);
  scaleBy(x, 0, random > 0 ? 1 / random : 0, x.length);
  return 0;
};

/** Golub and Kahan's bidiagonalisation with full orthogonalisation, kept away from known triplets. */
const bidiagonal = (A: Rows, known: Svd | undefined, most: number, seed: number) => {
  const knownU = known === undefined ? new Float64Array(0) : transposeValues(known.U.data, A.m, known.S.length);
  const knownV = known === undefined ? new Float64Array(0) : Float64Array.from(known.Vt.data);
  const kept = known?.S.length ?? 0;
  const steps: Steps = {
    U: new Float64Array(most * A.m),
    V: new Float64Array((most + 1) * A.n),
    alpha: new Float64Array(most),
    beta: new Float64Array(most),
    count: 0,
  };
  const [u, v] = [new Float64Array(A.m), new Float64Array(A.n)];
  const awayV = (x: Float64Array): void => {
    orthogonalise(x, knownV, kept);
    orthogonalise(x, steps.V, steps.count);
  };
  const awayU = (x: Float64Array): void => {
    orthogonalise(x, knownU, kept);
    orthogonalise(x, steps.U, steps.count);
  };
  const largest = { value: known?.S[0] ?? 0 };
  v.set(normalValues(key(seed), A.n));
  awayV(v);
  normalised(v, 0, awayV, seed);
  steps.V.set(v, 0);
  /** Takes one step more; beta of the step before ties it to that one. */
  const advance = (): void => {
    const k = steps.count;
    forward(A, steps.V, k * A.n, u, k === 0 ? 0 : (steps.beta[k - 1] as number));
    awayU(u);
    const alpha = normalised(u, 1e-14 * largest.value, awayU, seed + 2 * k + 1);
    steps.U.set(u, k * A.m);
    steps.alpha[k] = alpha;
    largest.value = Math.max(largest.value, alpha);
    back(A, steps.U, k * A.m, v, alpha);
    steps.count = k + 1;
    awayV(v);
    const beta = normalised(v, 1e-14 * largest.value, awayV, seed + 2 * k + 2);
    steps.V.set(v, (k + 1) * A.n);
    steps.beta[k] = beta;
  };
  return { steps, advance };
};

/** The decomposition of B_k. */
const smallSvd = ({ alpha, beta, count: k }: Steps): Svd => {
  const data = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    data[i * k + i] = alpha[i] as number;
    if (i + 1 < k) data[i * k + i + 1] = beta[i] as number;
  }
  return svd({ rows: k, cols: k, data });
};

const basisOf = (vectors: Float64Array, length: number, count: number): Matrix => ({
  rows: count,
  cols: length,
  data: vectors.slice(0, count * length),
});

/**
 * The r largest singular triplets: `A ~ U diag(S) Vt`, each solving A v = s u and A^T u = s v up to 1e-12 of the largest s.
 *
 * Lanczos bidiagonalisation (Golub and Kahan, 1965) with full orthogonalisation, in float64: a few hundred products with A and A^T
 * where the whole decomposition costs 30 m n^2 multiplications. A second run beside the triplets looks for one that was
 * missed; then, and where many steps would be needed, the whole decomposition is taken. Signs are arbitrary.
 *
 * @param A [m, n]
 * @param r number of triplets, at most min(m, n)
 */
export const svdLeading = (A: Matrix, r: number): Svd => {
  const short = Math.min(A.rows, A.cols);
  if (!(r >= 0 && r <= short)) throw new RangeError(`${r} singular triplets of a matrix [${A.rows}, ${A.cols}]`);
  const most = Math.floor(short / 4);
  if (short <= WHOLE || 2 * r >= most) return leading(svd(A), r);
  const rows: Rows = { m: A.rows, n: A.cols, data: Float64Array.from(A.data) };
  const { steps, advance } = bidiagonal(rows, undefined, most, 0);
  for (let next = Math.min(most, 2 * r + 48); ; next = Math.min(most, Math.ceil(1.5 * next))) {
    while (steps.count < next) advance();
    const { U, S, Vt } = smallSvd(steps);
    const k = steps.count;
    const beta = steps.beta[k - 1] as number;
    const last = U.data.subarray((k - 1) * k, (k - 1) * k + r);
    if (last.every((x) => beta * Math.abs(x) <= TOLERANCE * (S[0] as number))) {
      const [left, right] = [transposed(leading({ U, S, Vt }, r).U), leading({ U, S, Vt }, r).Vt];
      const found: Svd = {
        U: transposed(multiply(left, basisOf(steps.U, A.rows, k))),
        S: S.slice(0, r),
        Vt: multiply(right, basisOf(steps.V, A.cols, k)),
      };
      const probe = bidiagonal(rows, found, PROBES, 1 << 20);
      while (probe.steps.count < PROBES) probe.advance();
      const missed = (smallSvd(probe.steps).S[0] as number) > LARGER * (found.S[r - 1] as number);
      return missed ? leading(svd(A), r) : found;
    }
    if (k === most) return leading(svd(A), r);
  }
};
