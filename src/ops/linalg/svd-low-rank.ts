/**
 * `torch.svd_lowrank` with its random matrix given.
 */
import { currentBackend, read, scope, tensorOf } from '../backend.js';
import { numbers, withRoom } from '../kernels/linalg.js';
import { matMul } from '../mat-mul.js';
import { showShape, type Tensor } from '../tensor.js';
import { columnsOfQ, factor, reflectorsRoom } from './householder.js';
import { multiply, transposed, transposeValues, type Matrix } from './matrix.js';
import { svd, type Svd } from './svd.js';

/** An orthonormal basis of the span of q vectors of length `length`. */
const basis = (x: Float64Array, length: number, q: number): Float64Array =>
  withRoom(2 * q * length + reflectorsRoom(length, q), () => {
    const columns = numbers(q * length);
    columns.set(x);
    return columnsOfQ(factor(columns, length, q), 0, q).slice();
  });

/** q vectors of length n, one after another. */
type Vectors = Float64Array;

/** The algorithm: it yields products on the backend and takes their values. */
type Algorithm = Generator<Tensor, Svd, ArrayLike<number>>;

/** A X, or A^T X where `back`, in float32 on the backend. */
function* product(A: Tensor, x: Vectors, q: number, back: boolean): Generator<Tensor, Vectors, ArrayLike<number>> {
  const [m, n] = A.shape as [number, number];
  const X = Float32Array.from(back ? x : transposeValues(x, q, n));
  // (X^T A)^T: a large matrix is never transposed, which costs more than the product on wasm
  const values = yield scope(() => (back ? matMul(tensorOf(X, [q, m]), A) : matMul(A, tensorOf(X, [n, q]))));
  return back ? Float64Array.from(values) : transposeValues(values, m, q);
}

/** A wide matrix is transposed, as in torch. */
function* algorithm(A: Tensor, R: Matrix, iterations: number): Algorithm {
  const [m, n] = A.shape as [number, number];
  const wide = m < n;
  const [long, short] = wide ? [n, m] : [m, n];
  const q = R.cols;
  let Q = basis(yield* product(A, transposeValues(R.data, short, q), q, wide), long, q);
  for (let k = 0; k < iterations; k++) {
    Q = basis(yield* product(A, Q, q, !wide), short, q);
    Q = basis(yield* product(A, Q, q, wide), long, q);
  }
  const { U, S, Vt } = svd({ rows: q, cols: short, data: yield* product(A, Q, q, !wide) });
  const left = multiply({ rows: long, cols: q, data: transposeValues(Q, q, long) }, U);
  return wide ? { U: transposed(Vt), S, Vt: transposed(left) } : { U: left, S, Vt };
}

const checked = (A: Tensor, R: Matrix, iterations: number): Algorithm => {
  const short = Math.min(...A.shape);
  if (A.rank !== 2 || R.rows !== short || R.cols > short)
    throw new RangeError(`low rank svd of ${showShape(A.shape)} with a random matrix ${showShape([R.rows, R.cols])}`);
  return algorithm(A, R, iterations);
};

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
  const steps = checked(A, R, iterations);
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    const values = await read(step.value);
    step.value.dispose();
    step = steps.next(values);
  }
};

/**
 * `svdLowRank` at once, for what must not wait.
 *
 * @throws on webgpu, whose values cannot be read synchronously, and as `svdLowRank`
 */
export const svdLowRankSync = (A: Tensor, R: Matrix, iterations = 2): Svd => {
  if (currentBackend() === 'webgpu')
    throw new TypeError('the spectrum of a weight is computed on the host: run this adapter on wasm or cpu');
  const steps = checked(A, R, iterations);
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    const values = step.value.dataSync();
    step.value.dispose();
    step = steps.next(values);
  }
};
