/**
 * Scaling of updates: W + D becomes W + c D.
 */
import type { WeightUpdate } from '../update.js';

/** c times an additive update; c = -1 is its inverse. Any other update has no multiple, which is a programmer's mistake here. */
export const scaleUpdate = (c: number, update: WeightUpdate): WeightUpdate => {
  switch (update._tag) {
    case 'LowRank':
    case 'Dense':
    case 'Hadamard':
    case 'Kronecker':
    case 'Sparse':
      return { ...update, s: c * update.s };
    case 'Sum':
    case 'Sequence':
      return { _tag: 'Sum', updates: update.updates.map((u) => scaleUpdate(c, u)) };
    default:
      throw new TypeError(`only additive updates have multiples, not ${update._tag}`);
  }
};
