/**
 * Truncated singular value decomposition of large tensors, by random projection.
 */
import { read, scope } from '../backend.js';
import { normalValues, type Key } from '../random.js';
import { showShape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { leading, type Svd } from './svd.js';
import { svdLowRank } from './svd-low-rank.js';

/** Reads the result of `f` in float64 and frees it. */
const valuesOf = async (f: () => Tensor): Promise<Float64Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return Float64Array.from(values);
};

/** How `svdTruncated` trades time for accuracy. */
export interface TruncationOptions {
  /** Extra random directions beyond r, 10 unless given. */
  readonly oversampling?: number;
  /** Power iterations, 2 unless given; each is two products with A. */
  readonly iterations?: number;
}

/** A truncated decomposition and what it leaves out. */
export interface TruncatedSvd extends Svd {
  /** `|A - U diag(S) Vt|_F / |A|_F`, from the norms; below 1e-3 it is rounding. */
  readonly residual: number;
}

/** `sqrt(max(0, |A|^2 - sum S^2)) / |A|` in the Frobenius norm. */
const residualOf = async (A: Tensor, S: Float64Array): Promise<number> => {
  const squares = (await valuesOf(() => tf.sum(tf.square(A), 1))).reduce((a, b) => a + b, 0);
  const kept = S.reduce((sum, s) => sum + s * s, 0);
  return squares === 0 ? 0 : Math.sqrt(Math.max(0, squares - kept) / squares);
};

/**
 * The r largest singular triplets of a large tensor, randomised: `A ~ U diag(S) Vt`.
 *
 * Expected error in the spectral norm, with p extra directions and t iterations (Halko, Martinsson and Tropp, 2011, 10.4):
 * at most `(1 + sqrt(r / (p - 1)) + e sqrt(r + p) sqrt(min(m, n) - r) / p)^(1 / (2 t + 1))` times the best possible,
 * which is singular value r + 1. Singular values themselves are off by about 1 percent where the spectrum is flat at
 * the cut, and near 1e-6 where it falls. When r + p reaches min(m, n) nothing is left to chance.
 *
 * @param A float32 [m, n]
 * @param r number of triplets, at most min(m, n)
 * @param random key of the random directions; the same key gives the same result on one backend
 */
export const svdTruncated = async (
  A: Tensor,
  r: number,
  random: Key,
  { oversampling = 10, iterations = 2 }: TruncationOptions = {},
): Promise<TruncatedSvd> => {
  const short = Math.min(...A.shape);
  if (!(r >= 0 && r <= short)) throw new RangeError(`${r} singular triplets of ${showShape(A.shape)}`);
  const q = Math.min(short, r + oversampling);
  const R = { rows: short, cols: q, data: normalValues(random, short * q) };
  const triplets = leading(await svdLowRank(A, R, iterations), r);
  return { ...triplets, residual: await residualOf(A, triplets.S) };
};
