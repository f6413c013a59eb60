/**
 * OSF's update: the leading part of a weight's spectrum stays, the rest is replaced.
 */
import { currentBackend, tensorOf } from '../../ops/backend.js';
import { leading, matrix, svd, tensorOfMatrix, type Svd } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { noGrad } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Split } from '../update.js';

/** x, whose cotangent is f(dy, P) for a constant P. */
const withCotangent = (x: Tensor, P: Tensor, f: (dy: Tensor, P: Tensor) => Tensor): Tensor =>
  tf.customGrad((...args) => {
    const save = args[args.length - 1] as unknown as tf.GradSaveFunc;
    save([P]);
    return {
      value: tf.clone(args[0] as Tensor),
      gradFunc: (dy, saved) => f(dy as Tensor, saved[0] as Tensor),
    };
  })(x);

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
  if (currentBackend() === 'webgpu')
    throw new TypeError('the spectrum of a weight is computed on the host: run this adapter on wasm or cpu');
  const spectrum = svd(matrix(rows, cols, W.dataSync() as Float32Array));
  known.set(W.dataId, spectrum);
  return spectrum;
};

/**
 * U_k diag(S_k) V_k + U diag(S) V for a matrix W [m, n].
 *
 * The gradient of U is g - U_k U_k^T g and that of V is g - g V_k^T V_k: what OSF's hooks make of them.
 */
export const splitMatrix = ({ k, U, S, V }: Split, W: Tensor): Tensor => {
  const kept = leading(spectrumOf(W), k);
  const [Uk, Vk] = [tensorOfMatrix(kept.U), tensorOfMatrix(kept.Vt)];
  const high = noGrad(() => matMul(tf.mul(Uk, tensorOf(Float32Array.from(kept.S), [1, k])), Vk));
  if (S.size === 0) return high;
  const left = withCotangent(U, Uk, (g, P) => tf.sub(g, matMul(P, matMul(P, g, true))));
  const right = withCotangent(V, Vk, (g, P) => tf.sub(g, matMul(matMul(g, P, false, true), P)));
  return tf.add(high, matMul(tf.mul(left, tf.reshape(S, [1, -1])), right));
};
