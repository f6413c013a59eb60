/**
 * Inverses of updates: the update that takes W' back to W.
 */
import { inverse } from '../../ops/linalg/index.js';
import { tf } from '../../ops/tf.js';
import type { WeightUpdate } from '../update.js';
import { scaleUpdate } from './scale.js';

/**
 * The inverse of an additive, diagonal or orthogonal update; any other has none, which is a programmer's mistake here.
 *
 * Additive: -1 times. Scale: 1 / l, infinite where l is 0. Rotate: inverse blocks, because an approximate rotation is not
 * the inverse of its transpose. Reflect: the same reflections in reverse order. Sequence: inverses in reverse order.
 */
export const invertUpdate = (update: WeightUpdate): WeightUpdate => {
  switch (update._tag) {
    case 'Scale':
      return { ...update, l: tf.div(1, update.l) };
    case 'Rotate':
      return { ...update, R: inverse(update.R) };
    case 'Reflect':
      return update.orthonormal ? update : { ...update, U: tf.reverse(update.U, 1) };
    case 'Sequence':
      return { _tag: 'Sequence', updates: update.updates.toReversed().map(invertUpdate) };
    default:
      return scaleUpdate(-1, update);
  }
};
