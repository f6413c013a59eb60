/**
 * Decompositions of base weights on the host, kept as long as the weights.
 */
import { currentBackend } from '../../ops/backend.js';
import { leading, matrix, svd, svdLeading, type Matrix, type Svd } from '../../ops/linalg/index.js';
import type { Tensor } from '../../ops/tensor.js';

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

/** Decompositions by the data that they are of, which never changes; they go when it goes. */
const known = new WeakMap<object, Svd>();

/**
 * Singular triplets of a tensor [m, n] on the host, descending.
 *
 * A training loop asks for those of the same weight again and again, so they are kept beside it.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const spectrumOf = (W: Tensor): Svd => {
  const [rows, cols] = W.shape as [number, number];
  const found = known.get(W.dataId);
  if (found?.U.rows === rows && found.Vt.cols === cols) return found;
  const spectrum = svd(hostMatrix(W));
  known.set(W.dataId, spectrum);
  return spectrum;
};

/** The same for the leading triplets, which large weights have long before all of them. */
const knownLeading = new WeakMap<object, Svd>();

/**
 * The r leading singular triplets of a tensor [m, n] on the host.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const leadingOf = (W: Tensor, r: number): Svd => {
  const [rows, cols] = W.shape as [number, number];
  const found = [known.get(W.dataId), knownLeading.get(W.dataId)].find(
    (s) => s?.U.rows === rows && s.Vt.cols === cols && s.S.length >= r,
  );
  if (found !== undefined) return found.S.length === r ? found : leading(found, r);
  const triplets = svdLeading(hostMatrix(W), r);
  knownLeading.set(W.dataId, triplets);
  return triplets;
};
