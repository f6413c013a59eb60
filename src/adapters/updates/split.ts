/**
 * OSF's update: the leading part of a weight's spectrum stays, the rest is replaced.
 */
import { tensorOf } from '../../ops/backend.js';
import { tensorOfMatrix } from '../../ops/linalg/index.js';
import { addMatMul } from '../../ops/add-mat-mul.js';
import { matMul } from '../../ops/mat-mul.js';
import { noGrad } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Split } from '../update.js';
import { leadingOf } from './spectrum.js';

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

/** X less its part in a leading subspace: X - U_k (U_k^T X). */
const offLeft = (X: Tensor, Uk: Tensor): Tensor => tf.sub(X, matMul(Uk, matMul(Uk, X, true)));

/** X - (X V_k^T) V_k. */
const offRight = (X: Tensor, Vk: Tensor): Tensor => tf.sub(X, matMul(matMul(X, Vk, false, true), Vk));

/** The part of a direction (U, V) that training from a weight W follows: what is outside of the leading subspaces. */
export const offLeading = ({ k, U, V }: Split, W: Tensor): { readonly U: Tensor; readonly V: Tensor } => {
  const kept = leadingOf(W, k);
  return { U: offLeft(U, tensorOfMatrix(kept.U)), V: offRight(V, tensorOfMatrix(kept.Vt)) };
};

/**
 * U_k diag(S_k) V_k + U diag(S) V for a matrix W [m, n].
 *
 * The gradient of U is g - U_k U_k^T g and that of V is g - g V_k^T V_k: what OSF's hooks make of them.
 */
export const splitMatrix = ({ k, U, S, V }: Split, W: Tensor): Tensor => {
  const kept = leadingOf(W, k);
  const [Uk, Vk] = [tensorOfMatrix(kept.U), tensorOfMatrix(kept.Vt)];
  const high = noGrad(() => matMul(tf.mul(Uk, tensorOf(Float32Array.from(kept.S), [1, k])), Vk));
  if (S.size === 0) return high;
  const left = withCotangent(U, Uk, offLeft);
  const right = withCotangent(V, Vk, offRight);
  return addMatMul(high, tf.mul(left, tf.reshape(S, [1, -1])), right);
};
