/**
 * Eigenvalues of a diagonal matrix plus one of rank one.
 */

/** `diag(d) + rho z z^T`: d [n] ascending and distinct, no entry of z zero, rho positive. */
export interface RankOneChange {
  readonly d: Float64Array;
  readonly z: Float64Array;
  readonly rho: number;
}

/** `f(x) = 1 / rho + psi + phi`, psi the sum of z_j^2 / (delta_j - x) for j <= k and phi for the others, with derivatives. */
interface Value {
  psi: number;
  psiSlope: number;
  phi: number;
  phiSlope: number;
}

const evaluate = (delta: Float64Array, z: Float64Array, k: number, x: number, out: Value): void => {
  let [value, slope] = [0, 0];
  for (let j = 0; j <= k; j++) {
    const t = (z[j] as number) / ((delta[j] as number) - x);
    value += (z[j] as number) * t;
    slope += t * t;
  }
  [out.psi, out.psiSlope] = [value, slope];
  [value, slope] = [0, 0];
  for (let j = k + 1; j < delta.length; j++) {
    const t = (z[j] as number) / ((delta[j] as number) - x);
    value += (z[j] as number) * t;
    slope += t * t;
  }
  [out.phi, out.phiSlope] = [value, slope];
};

/**
 * The step from x to the zero of the rational function c + q / (a - x) + s / (b - x) that has the value and both slopes of f at x, a
 * and b the distances to the poles around the zero; b infinite where there is none to the right.
 */
const stepOf = (f: number, { psiSlope, phiSlope }: Value, a: number, b: number): number => {
  if (b === Infinity) return a + (psiSlope * a * a) / (f - psiSlope * a);
  const c = f - a * psiSlope - b * phiSlope;
  const p = (a + b) * f - a * b * (psiSlope + phiSlope);
  const q = a * b * f;
  const root = Math.sqrt(Math.max(0, p * p - 4 * q * c));
  return p <= 0 ? (p - root) / (2 * c) : (2 * q) / (p + root);
};

/** More steps than any zero was seen to need. */
const MAX_STEPS = 100;

/**
 * Zero k of f in (d_k, d_(k + 1)), as `x` with its pole nearest to it: lambda = d[pole] + x, so that differences of lambda and all d are
 * accurate (Bunch, Nielsen and Sorensen, 1978; the bracket halves where a step leaves it).
 *
 * @param delta room for n numbers; afterwards d_j - lambda
 */
const zeroOf = ({ d, z, rho }: RankOneChange, norm: number, k: number, delta: Float64Array): number => {
  const n = d.length;
  const last = k === n - 1;
  const dk = d[k] as number;
  // the last zero is at most rho |z|^2 beyond the last pole
  const width = last ? 2 * rho * norm : (d[k + 1] as number) - dk;
  const value = { psi: 0, psiSlope: 0, phi: 0, phiSlope: 0 };
  for (let j = 0; j < n; j++) delta[j] = (d[j] as number) - dk;
  let x = width / 2;
  evaluate(delta, z, k, x, value);
  let f = 1 / rho + value.psi + value.phi;
  let [low, high] = f >= 0 ? [0, x] : [x, width];
  let pole = dk;
  if (f < 0 && !last) {
    pole = d[k + 1] as number;
    for (let j = 0; j < n; j++) delta[j] = (d[j] as number) - pole;
    [x, low, high] = [-x, -x, 0];
  }
  for (let step = 0; step < MAX_STEPS; step++) {
    const { psi, phi, psiSlope, phiSlope } = value;
    const size = 8 * (Math.abs(psi) + Math.abs(phi)) + 1 / rho + Math.abs(x) * (psiSlope + phiSlope);
    if (Math.abs(f) <= (Number.EPSILON / 2) * size) break;
    if (f < 0) low = x;
    else high = x;
    const b = last ? Infinity : (delta[k + 1] as number) - x;
    let next = x + stepOf(f, value, (delta[k] as number) - x, b);
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (next === x || next === low || next === high) break;
    x = next;
    evaluate(delta, z, k, x, value);
    f = 1 / rho + value.psi + value.phi;
  }
  for (let j = 0; j < n; j++) delta[j] = (delta[j] as number) - x;
  return pole + x;
};

/** Eigenvalues, ascending, and what their vectors are made of. */
export interface Zeros {
  readonly values: Float64Array;
  /** Close to z: that of which these are exactly the eigenvalues, up to a factor. */
  readonly z: Float64Array;
}

/**
 * The eigenvalues of `diag(d) + rho z z^T`.
 *
 * @param U room for n n numbers: row i becomes d - lambda_i, which `vectorsOf` reads
 */
export const zerosOf = (change: RankOneChange, U: Float64Array): Zeros => {
  const { d, z } = change;
  const n = d.length;
  const norm = z.reduce((sum, x) => sum + x * x, 0);
  const values = new Float64Array(n);
  const squares = new Float64Array(n).fill(1);
  for (let k = 0; k < n; k++) {
    const differences = U.subarray(k * n, k * n + n);
    values[k] = zeroOf(change, norm, k, differences);
    // z_j^2 is, up to a factor, the product over k of (d_j - lambda_k) / (d_j - d_k), without the latter for k = j.
    const dk = d[k] as number;
    for (let j = 0; j < n; j++) {
      const t = differences[j] as number;
      squares[j] = (squares[j] as number) * (j === k ? t : t / ((d[j] as number) - dk));
    }
  }
  return { values, z: squares.map((x, j) => ((z[j] as number) < 0 ? -1 : 1) * Math.sqrt(Math.abs(x))) };
};

/**
 * Rows of U from `first` on become eigenvectors, z_j / (d_j - lambda_i) at length 1, with entry j at `places[j]`: orthogonal however
 * close the eigenvalues are, because z is that of exactly these (Gu and Eisenstat, 1995).
 */
export const vectorsOf = ({ z }: Zeros, U: Float64Array, first: number, places: Int32Array): void => {
  const n = z.length;
  const entries = new Float64Array(n);
  for (let k = first; k < n; k++) {
    let sum = 0;
    for (let j = 0; j < n; j++) {
      const entry = (z[j] as number) / (U[k * n + j] as number);
      entries[j] = entry;
      sum += entry * entry;
    }
    const scale = 1 / Math.sqrt(sum);
    for (let j = 0; j < n; j++) U[k * n + (places[j] as number)] = (entries[j] as number) * scale;
  }
};
