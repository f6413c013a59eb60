/**
 * The largest singular value.
 */
import { key, normalValues } from '../random.js';
import { transposeValues, type Matrix } from './matrix.js';
import { svd } from './svd.js';
import { addScaled, binaryScale, dot, norm, scaleBy } from './vectors.js';

/** Up to this many columns or rows the full decomposition is as fast. */
const SMALL = 32;

/** Removes from x what lies along the first `count` of `basis`, twice, and makes its length 1; returns the length. */
const orthonormal = (x: Float64Array, basis: ReadonlyArray<Float64Array>): number => {
  for (let pass = 0; pass < 2; pass++)
    basis.forEach((b) => addScaled(x, 0, -dot(b, 0, x, 0, x.length), b, 0, x.length));
  const length = norm(x, 0, x.length);
  if (length > 0) scaleBy(x, 0, 1 / length, x.length);
  return length;
};

/** `A x` for rows of A one after another. */
const apply = (rows: Float64Array, x: Float64Array): Float64Array =>
  Float64Array.from({ length: rows.length / x.length }, (_, i) => dot(rows, i * x.length, x, 0, x.length));

/** The largest singular value of the bidiagonal with `alphas` on and `betas` above the diagonal, and |last entry of u|. */
const ofBidiagonal = (alphas: ReadonlyArray<number>, betas: ReadonlyArray<number>): readonly [number, number] => {
  const k = alphas.length;
  const data = new Float64Array(k * k);
  alphas.forEach((a, i) => (data[i * k + i] = a));
  betas.slice(0, k - 1).forEach((b, i) => (data[i * k + i + 1] = b));
  const { U, S } = svd({ rows: k, cols: k, data });
  return [S[0] as number, Math.abs(U.data[(k - 1) * k] as number)];
};

/**
 * The spectral norm `max |A x| / |x|`, the largest singular value, by Golub, Kahan and Lanczos bidiagonalisation with full
 * reorthogonalisation in float64, stopped when the residual of the singular pair is below `tolerance` times the value; the
 * value's own error is about its square over the gap.
 *
 * @param A [m, n], any sizes; an empty matrix has norm 0
 */
export const spectralNorm = (A: Matrix, tolerance = 1e-8): number => {
  const { rows: m, cols: n, data } = A;
  if (Math.min(m, n) <= SMALL) return svd(A).S[0] ?? 0;
  const scale = binaryScale(data);
  const rows = Float64Array.from(data, (x) => x / scale);
  const columns = transposeValues(rows, m, n);
  const [alphas, betas, us, vs]: [number[], number[], Float64Array[], Float64Array[]] = [[], [], [], []];
  let v: Float64Array = Float64Array.from(normalValues(key(0), n));
  orthonormal(v, []);
  for (;;) {
    const u = apply(rows, v);
    vs.push(v);
    alphas.push(orthonormal(u, us));
    us.push(u);
    v = apply(columns, u);
    const beta = orthonormal(v, vs);
    betas.push(beta);
    const k = alphas.length;
    const last = k === Math.min(m, n) || beta <= Number.EPSILON || Number.isNaN(beta);
    if (!last && k % 8 !== 0) continue;
    const [value, entry] = ofBidiagonal(alphas, betas);
    if (last || beta * entry <= tolerance * value) return value * scale;
  }
};
