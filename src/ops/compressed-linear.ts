/**
 * A linear map that keeps a compressed input for its weight's gradient.
 *
 * Miles et al., "VeLoRA: Memory Efficient Training using Rank-1 Sub-Token Projections", https://arxiv.org/abs/2405.17991
 */
import { matMul } from './mat-mul.js';
import { noGrad } from './stop-gradient.js';
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/** x [T, in] with zeros behind it as [T, groups, ceil(in / groups)]. */
const grouped = (x: Tensor, groups: number): Tensor => {
  const [T, inputs] = x.shape as [number, number];
  const d = Math.ceil(inputs / groups);
  const missing = groups * d - inputs;
  const padded = missing === 0 ? x : tf.concat([x, tf.zeros([T, missing])], 1);
  return tf.reshape(padded, [T, groups, d]);
};

/**
 * The mean of all groups of all inputs, at unit norm (all ones where it is zero); a constant for gradients.
 *
 * @param x [T, in]
 * @param given a direction [ceil(in / groups)] that is taken instead unless it is zero
 */
export const meanDirection = (x: Tensor, groups: number, given?: Tensor): Tensor =>
  noGrad(() => {
    const mean = tf.mean(tf.reshape(grouped(x, groups), [-1, Math.ceil((x.shape[1] as number) / groups)]), 0);
    const normed = (v: Tensor, otherwise: Tensor): Tensor => {
      const norm = tf.norm(v);
      const zero = tf.tile(tf.reshape(tf.equal(norm, 0), [1]), [v.size]);
      return tf.where(zero, otherwise, tf.div(v, tf.maximum(norm, 1e-38)));
    };
    const batch = normed(mean, tf.fill(mean.shape, 1 / Math.sqrt(mean.size)));
    return given === undefined ? batch : normed(given, batch);
  });

/** How the input is compressed: e [d] of unit norm, the number of groups, a factor on what is reconstructed. */
export interface Compression {
  readonly e: Tensor;
  readonly groups: number;
  readonly scale: number;
}

/**
 * y = x A^T, with dA = dy^T x' for x' = scale (x_g . e) e, group g of the features by group, and dx = dy A.
 *
 * Only one number a group is kept of x for the backward pass.
 *
 * @param x [T, in]
 * @param A [r, in]
 */
export const compressedLinear = (x: Tensor, A: Tensor, { e, groups, scale }: Compression): Tensor =>
  tf.customGrad((...args) => {
    const [X, F, unit] = args as unknown as [Tensor, Tensor, Tensor];
    const save = args[args.length - 1] as unknown as tf.GradSaveFunc;
    const [T, inputs] = X.shape as [number, number];
    const c = matMul(tf.reshape(grouped(X, groups), [T * groups, -1]), tf.reshape(unit, [-1, 1]));
    save([c, F, unit]);
    return {
      value: matMul(X, F, false, true),
      gradFunc: (dy, saved) => {
        const [kept, W, direction] = saved as [Tensor, Tensor, Tensor];
        const seen = tf.reshape(matMul(kept, tf.reshape(direction, [1, -1])), [T, -1]);
        const inputsSeen = tf.mul(tf.slice(seen, [0, 0], [T, inputs]), scale);
        return [matMul(dy as Tensor, W), matMul(dy as Tensor, inputsSeen, true), tf.zerosLike(direction)];
      },
    };
  })(x, A, e);
