/**
 * `torch.svd_lowrank` with its random matrix given.
 */
import { currentBackend, read, scope, tensorOf } from '../backend.js';
import { matMul } from '../mat-mul.js';
import { showShape, type Tensor } from '../tensor.js';
import { columnsOfQ, factor } from './householder.js';
import { multiply, transposed, transposeValues, type Matrix } from './matrix.js';
import { svd, type Svd } from './svd.js';

/** A product that the algorithm asks for: A X, or A^T X where `back`; X holds q vectors, one after another. */
interface Product {
  readonly x: Float64Array;
  readonly back: boolean;
}

/** An orthonormal basis of the span of q vectors of length `length`. */
const basis = (x: Float64Array, length: number, q: number): Float64Array => columnsOfQ(factor(x, length, q), 0, q);

/** The algorithm for a matrix [long, short]: it yields products and takes their results. */
function* steps(long: number, short: number, R: Matrix, iterations: number): Generator<Product, Svd, Float64Array> {
  const q = R.cols;
  let Q = basis(yield { x: transposeValues(R.data, short, q), back: false }, long, q);
  for (let k = 0; k < iterations; k++) {
    Q = basis(yield { x: Q, back: true }, short, q);
    Q = basis(yield { x: Q, back: false }, long, q);
  }
  const { U, S, Vt } = svd({ rows: q, cols: short, data: yield { x: Q, back: true } });
  return { U: multiply({ rows: long, cols: q, data: transposeValues(Q, q, long) }, U), S, Vt };
}

/** A X or A^T X on the backend in float32, as a tensor and as the vectors that its values are. */
const onBackend = (A: Tensor, { x, back }: Product, q: number) => {
  const [m, n] = A.shape as [number, number];
  // (X^T A)^T: a large matrix is never transposed, which costs more than the product on wasm
  return back
    ? {
        y: () => matMul(tensorOf(Float32Array.from(x), [q, m]), A),
        vectors: (v: ArrayLike<number>) => Float64Array.from(v),
      }
    : {
        y: () => matMul(A, tensorOf(Float32Array.from(transposeValues(x, q, n)), [n, q])),
        vectors: (v: ArrayLike<number>) => transposeValues(v, m, q),
      };
};

/** Sizes of the problem; a wide matrix is transposed, as in torch. */
const checked = (A: Tensor, R: Matrix): { readonly wide: boolean; readonly long: number; readonly short: number } => {
  const [m, n] = A.shape as [number, number];
  const [long, short] = m < n ? [n, m] : [m, n];
  if (A.rank !== 2 || R.rows !== short || R.cols > short) {
    throw new RangeError(`low rank svd of ${showShape(A.shape)} with a random matrix ${showShape([R.rows, R.cols])}`);
  }
  return { wide: m < n, long, short };
};

const turned = (wide: boolean, { U, S, Vt }: Svd): Svd =>
  wide ? { U: transposed(Vt), S, Vt: transposed(U) } : { U, S, Vt };

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
  const { wide, long, short } = checked(A, R);
  const algorithm = steps(long, short, R, iterations);
  let step = algorithm.next();
  while (step.done !== true) {
    const { y, vectors } = onBackend(A, { x: step.value.x, back: step.value.back !== wide }, R.cols);
    const product = scope(y);
    const values = await read(product);
    product.dispose();
    step = algorithm.next(vectors(values));
  }
  return turned(wide, step.value);
};

/**
 * `svdLowRank` at once, for what must not wait.
 *
 * @throws on webgpu, whose values cannot be read synchronously, and as `svdLowRank`
 */
export const svdLowRankSync = (A: Tensor, R: Matrix, iterations = 2): Svd => {
  if (currentBackend() === 'webgpu')
    throw new TypeError('the spectrum of a weight is computed on the host: run this adapter on wasm or cpu');
  const { wide, long, short } = checked(A, R);
  const algorithm = steps(long, short, R, iterations);
  let step = algorithm.next();
  while (step.done !== true) {
    const { y, vectors } = onBackend(A, { x: step.value.x, back: step.value.back !== wide }, R.cols);
    const product = scope(y);
    const values = product.dataSync() as Float32Array;
    product.dispose();
    step = algorithm.next(vectors(values));
  }
  return turned(wide, step.value);
};
