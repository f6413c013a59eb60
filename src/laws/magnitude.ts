/**
 * How large rounding errors of an update can be: its magnitude, and the number of roundings on the way.
 */
import type { Branch, Normalize, Prompt, Reflect, Sequence, Split, Sum, WeightUpdate } from '../adapters/update.js';
import { applyUpdate, magnitudeRatio, normsOf } from '../adapters/updates/apply.js';
import { residualFactors, type Residual } from '../adapters/updates/residual.js';
import { asMatrix, inShapeOf, matrixView } from '../adapters/updates/view.js';
import { matMul } from '../ops/mat-mul.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';

interface State {
  readonly V: Tensor;
  readonly M: Tensor;
}

type Nested = Sum | Sequence;

/** The update with every factor taken absolutely, for those that are monotone in their factors. */
const absolute = (
  u: Exclude<WeightUpdate, Normalize | Nested | Reflect | Residual | Split | Prompt | Branch>,
): WeightUpdate => {
  switch (u._tag) {
    case 'LowRank':
    case 'Modulate':
      return { ...u, B: tf.abs(u.B), A: tf.abs(u.A), s: Math.abs(u.s) };
    case 'Dense':
      return { ...u, delta: tf.abs(u.delta), s: Math.abs(u.s) };
    case 'Hadamard': {
      const [B1, A1, B2, A2] = [tf.abs(u.B1), tf.abs(u.A1), tf.abs(u.B2), tf.abs(u.A2)];
      return { ...u, B1, A1, B2, A2, s: Math.abs(u.s) };
    }
    case 'Kronecker':
      return { ...u, C: tf.abs(u.C), D: tf.abs(u.D), s: Math.abs(u.s) };
    case 'Sparse':
      return { ...u, values: tf.abs(u.values), s: Math.abs(u.s) };
    case 'Scale':
      return { ...u, l: tf.abs(u.l) };
    case 'Rotate':
      return { ...u, R: tf.abs(u.R) };
    case 'Deflate':
      return { ...u, U: tf.neg(tf.abs(u.U)), V: tf.abs(u.V), ...(u.R === undefined ? {} : { R: tf.neg(tf.abs(u.R)) }) };
    case 'BlockAffine':
      return { ...u, B: tf.abs(u.B) };
    case 'Replace':
    case 'ReplaceRows':
      return { ...u, value: tf.abs(u.value) };
  }
};

/** M (I + 2 |u_1| |u_1|^T) ... (I + 2 |u_r| |u_r|^T). */
const reflected = (M: Tensor, U: Tensor): Tensor =>
  tf
    .split(tf.abs(U), U.shape[1] as number, 1)
    .reduce((X, u) => tf.add(X, tf.mul(matMul(matMul(X, u), u, false, true), 2)), asMatrix(M));

/** The part of a weight that OSF keeps, but for its rank. */
const leadingPart = { _tag: 'Residual', of: 'leading', s: 1, transposed: false } as const;

const step = (u: WeightUpdate, { V, M }: State): State => {
  switch (u._tag) {
    case 'Reflect':
      return { V: applyUpdate(u, V), M: inShapeOf(reflected(M, u.U), M) };
    case 'Normalize': {
      const inner = step(u.update, { V, M });
      const g = magnitudeRatio({ ...u, m: tf.abs(u.m) }, inner.V);
      // an error in V moves the norm by at most ||M|| / ||V|| of itself
      const spread = tf.div(normsOf(inner.M, u.axis), normsOf(inner.V, u.axis));
      const own = tf.add(asMatrix(inner.M), tf.mul(asMatrix(tf.abs(inner.V)), spread));
      return { V: applyUpdate(u, V), M: inShapeOf(tf.mul(g, own), M) };
    }
    case 'Sum':
    case 'Sequence':
      return u.updates.reduce((state, part) => step(part, state), { V, M });
    case 'Residual':
    case 'Split': {
      const { B, A } = residualFactors(u._tag === 'Split' ? { ...leadingPart, r: u.k } : u, asMatrix(V));
      const taken = matMul(tf.abs(B), tf.abs(A));
      const others =
        u._tag === 'Residual'
          ? tf.add(asMatrix(M), tf.mul(taken, Math.abs(u.s) - 1))
          : matMul(tf.mul(tf.abs(u.U), tf.reshape(tf.abs(u.S), [1, -1])), tf.abs(u.V));
      return { V: applyUpdate(u, V), M: inShapeOf(tf.add(taken, others), M) };
    }
    case 'Prompt':
      throw new TypeError('virtual tokens change no weight');
    case 'Branch':
      throw new TypeError(`cannot merge: ${u.reason}`);
    default:
      return { V: applyUpdate(u, V), M: applyUpdate(absolute(u), M) };
  }
};

/**
 * M such that each rounding on the way to update(W) moves an element by at most 2^-24 of M's: |W| + |s| |B| |A| for a
 * low-rank update, and so on with every term taken absolutely.
 */
export const magnitudeOf = (update: WeightUpdate | undefined, W: Tensor): Tensor =>
  update === undefined ? tf.abs(W) : step(update, { V: W, M: tf.abs(W) }).M;

/** A bound on the number of roundings that an element of update(W) goes through. */
export const roundingsOf = (update: WeightUpdate | undefined, shape: Shape): number => {
  if (update === undefined) return 0;
  switch (update._tag) {
    case 'LowRank':
    case 'Modulate':
      return (update.B.shape[update.B.rank - 1] as number) + 4;
    case 'Hadamard':
      return (update.B1.shape[1] as number) + (update.B2.shape[1] as number) + 4;
    case 'Dense':
    case 'Kronecker':
    case 'Sparse':
      return 3;
    case 'Scale':
      return 1;
    case 'Rotate':
      return (update.R.shape[1] as number) + 1;
    case 'BlockAffine':
      return (update.B.shape[1] as number) + 3;
    case 'Deflate':
      return (update.U.shape[0] as number) + (update.U.shape[1] as number) + (update.R === undefined ? 4 : 5);
    case 'Reflect':
      return (update.U.shape[1] as number) * ((update.U.shape[0] as number) + 4);
    case 'Replace':
    case 'ReplaceRows':
      return 0;
    case 'Residual':
      return update.r + 6;
    case 'Split':
      return update.k + update.S.size + 8;
    case 'Normalize':
      return 2 * roundingsOf(update.update, shape) + (matrixView(shape)[update.axis === 0 ? 1 : 0] as number) + 6;
    case 'Sum':
    case 'Sequence':
      return update.updates.reduce((n, u) => n + roundingsOf(u, shape), 0);
    case 'Prompt':
    case 'Branch':
      return Infinity;
  }
};

/** How many changes an additive update makes one after the other. */
export const changesOf = (update: WeightUpdate): number =>
  update._tag === 'Sum' || update._tag === 'Sequence' ? update.updates.reduce((n, u) => n + changesOf(u), 0) : 1;

/** |W| + sum of |D_j| over the changes of an additive update: no partial sum of W and the changes is larger. */
export const partialSums = (update: WeightUpdate, W: Tensor): Tensor => {
  const zero = tf.zerosLike(W);
  const each = (u: WeightUpdate): ReadonlyArray<Tensor> =>
    u._tag === 'Sum' || u._tag === 'Sequence' ? u.updates.flatMap(each) : [tf.abs(applyUpdate(u, zero))];
  return each(update).reduce((sum, d) => tf.add(sum, d), tf.abs(W));
};
