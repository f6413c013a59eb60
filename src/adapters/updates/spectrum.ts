/**
 * Decompositions of base weights on the host, kept as long as the weights.
 */
import { currentBackend } from '../../ops/backend.js';
import { leading, matrix, svd, svdLeading, type Matrix, type Svd } from '../../ops/linalg/index.js';
import type { Tensor } from '../../ops/tensor.js';
import { memory } from '../remembered.js';

/**
 * The values of a weight [m, n] on the host, for what is decomposed there.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const hostMatrix = (W: Tensor): Matrix => {
  if (currentBackend() === 'webgpu')
    throw new TypeError('the spectrum of a weight is computed on the host: run this adapter on wasm or cpu');
  const [rows, cols] = W.shape as [number, number];
  return matrix(rows, cols, W.dataSync() as Float32Array);
};

/** Triplets, and how good they are where they are not of a whole decomposition. */
type Triplets = Svd & { readonly residual?: number };

const known = memory<Triplets>();

/** Triplets that serve, and else new ones in their place: the leading ones of a large weight come long before all of them. */
const triplets = (W: Tensor, compute: (A: Matrix) => Triplets, serves: (s: Triplets) => boolean): Triplets =>
  known([W.dataId], W.shape.join(' '), () => compute(hostMatrix(W)), serves);

/**
 * Singular triplets of a tensor [m, n] on the host, descending.
 *
 * A training loop asks for those of the same weight again and again, so they are kept beside it.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const spectrumOf = (W: Tensor): Svd =>
  triplets(W, svd, ({ S, residual = 0 }) => residual === 0 && S.length === Math.min(...W.shape));

/**
 * The r leading singular triplets of a tensor [m, n] on the host.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const leadingOf = (W: Tensor, r: number): Svd => {
  const found = triplets(
    W,
    (A) => svdLeading(A, r),
    ({ S }) => S.length >= r,
  );
  return found.S.length === r ? found : leading(found, r);
};
