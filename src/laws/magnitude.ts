/**
 * How large rounding errors of an update can be: its magnitude, and the number of roundings on the way.
 */
import type { WeightUpdate } from '../adapters/update.js';
import { applyUpdate, magnitudeRatio } from '../adapters/updates/apply.js';
import { asMatrix, inShapeOf, matrixView } from '../adapters/updates/view.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';

interface State {
  readonly V: Tensor;
  readonly M: Tensor;
}

const frobenius = (X: Tensor, axis: 0 | 1): Tensor =>
  tf.sqrt(tf.sum(tf.square(asMatrix(X)), axis === 0 ? 1 : 0, true));

const step = (u: WeightUpdate, { V, M }: State): State => {
  switch (u._tag) {
    case 'LowRank':
      return {
        V: applyUpdate(u, V),
        M: applyUpdate({ ...u, B: tf.abs(u.B), A: tf.abs(u.A), s: Math.abs(u.s) }, M),
      };
    case 'Dense':
      return { V: applyUpdate(u, V), M: applyUpdate({ ...u, delta: tf.abs(u.delta), s: Math.abs(u.s) }, M) };
    case 'Replace':
    case 'ReplaceRows':
      return { V: applyUpdate(u, V), M: applyUpdate({ ...u, value: tf.abs(u.value) }, M) };
    case 'Normalize': {
      const inner = step(u.update, { V, M });
      const g = magnitudeRatio({ ...u, m: tf.abs(u.m) }, inner.V);
      // an error in V moves the norm by at most ||M|| / ||V|| of itself
      const spread = tf.div(frobenius(inner.M, u.axis), frobenius(inner.V, u.axis));
      const own = tf.add(asMatrix(inner.M), tf.mul(asMatrix(tf.abs(inner.V)), spread));
      return { V: applyUpdate(u, V), M: inShapeOf(tf.mul(g, own), M) };
    }
    case 'Sum':
    case 'Sequence':
      return u.updates.reduce((state, part) => step(part, state), { V, M });
    case 'Branch':
      throw new TypeError(`cannot merge: ${u.reason}`);
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
      return (update.B.shape[update.B.rank - 1] as number) + 3;
    case 'Dense':
      return 3;
    case 'Replace':
    case 'ReplaceRows':
      return 0;
    case 'Normalize':
      return 2 * roundingsOf(update.update, shape) + (matrixView(shape)[update.axis === 0 ? 1 : 0] as number) + 6;
    case 'Sum':
    case 'Sequence':
      return update.updates.reduce((n, u) => n + roundingsOf(u, shape), 0);
    case 'Branch':
      return update.A.size + update.B.size;
  }
};

/** How many changes an additive update makes one after the other. */
export const changesOf = (update: WeightUpdate): number =>
  update._tag === 'Sum' || update._tag === 'Sequence'
    ? update.updates.reduce((n, u) => n + changesOf(u), 0)
    : 1;

/** |W| + sum of |D_j| over the changes of an additive update: no partial sum of W and the changes is larger. */
export const partialSums = (update: WeightUpdate, W: Tensor): Tensor => {
  const zero = tf.zerosLike(W);
  const each = (u: WeightUpdate): ReadonlyArray<Tensor> =>
    u._tag === 'Sum' || u._tag === 'Sequence' ? u.updates.flatMap(each) : [tf.abs(applyUpdate(u, zero))];
  return each(update).reduce((sum, d) => tf.add(sum, d), tf.abs(W));
};
