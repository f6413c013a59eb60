/**
 * Truncated singular value decomposition of large tensors, by random projection.
 */
import { read, scope, tensorOf } from '../backend.js';
import { matMul } from '../mat-mul.js';
import { normalValues, type Key } from '../random.js';
import { showShape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { columnsOfQ, factor } from './householder.js';
import { multiply, transposed, transposeValues, type Matrix } from './matrix.js';
import { leading, svd, type Svd } from './svd.js';

/** `A X` or `A^T X`; X and the result hold q vectors, one after another. */
type Product = (x: Float64Array) => Promise<Float64Array>;

/** Reads the result of `f` in float64 and frees it. */
const valuesOf = async (f: () => Tensor): Promise<Float64Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return Float64Array.from(values);
};

/** `(X^T A)^T`: the large matrix is never transposed, which costs more than the product on wasm. */
const timesTransposed =
  (A: Tensor, q: number): Product =>
  (x) =>
    valuesOf(() => matMul(tensorOf(Float32Array.from(x), [q, A.shape[0] as number]), A));

const times =
  (A: Tensor, q: number): Product =>
  async (x) => {
    const [m, n] = A.shape as [number, number];
    const X = Float32Array.from(transposeValues(x, q, n));
    return transposeValues(await valuesOf(() => matMul(A, tensorOf(X, [n, q]))), m, q);
  };

/** An orthonormal basis of the span of q vectors of length `length`. */
const basis = (x: Float64Array, length: number, q: number): Float64Array => columnsOfQ(factor(x, length, q), 0, q);

/**
 * `torch.svd_lowrank` with its random matrix given: `A ~ U diag(S) Vt` (Halko, Martinsson and Tropp, 2011, algorithms 4.4 and 5.1).
 *
 * X = A R, then `iterations` times A^T and A are applied, with QR after each product; the decomposition of Q^T A gives q
 * triplets. Large products run on the current backend in float32, the rest on the host in float64. With torch's R the
 * results agree to about 1e-6, up to the signs of pairs of vectors.
 *
 * @param A float32 [m, n]
 * @param R [k, q], normal numbers; k = n when m >= n, else m (as in torch, the transpose is decomposed)
 * @param iterations power iterations, torch's `niter`
 * @throws when R has other rows or q exceeds min(m, n)
 */
export const svdLowRank = async (A: Tensor, R: Matrix, iterations = 2): Promise<Svd> => {
  const [m, n] = A.shape as [number, number];
  const q = R.cols;
  const wide = m < n;
  const [long, short] = wide ? [n, m] : [m, n];
  if (A.rank !== 2 || R.rows !== short || q > short) {
    throw new RangeError(`low rank svd of ${showShape(A.shape)} with a random matrix ${showShape([R.rows, q])}`);
  }
  const [forward, back] = wide ? [timesTransposed(A, q), times(A, q)] : [times(A, q), timesTransposed(A, q)];
  let Q = basis(await forward(transposeValues(R.data, short, q)), long, q);
  for (let k = 0; k < iterations; k++) {
    Q = basis(await back(Q), short, q);
    Q = basis(await forward(Q), long, q);
  }
  const { U, S, Vt } = svd({ rows: q, cols: short, data: await back(Q) });
  const left = multiply({ rows: long, cols: q, data: transposeValues(Q, q, long) }, U);
  return wide ? { U: transposed(Vt), S, Vt: transposed(left) } : { U: left, S, Vt };
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
