/**
 * Parameters as a layer sees them: base tensors with the updates beside them applied.
 */
import { baseOf, updateOf, type ModelWeights } from '../../adapters/attached.js';
import { applyUpdate } from '../../adapters/updates/apply.js';
import { lowRankDelta } from '../../adapters/updates/delta.js';
import type { WeightUpdate } from '../../adapters/update.js';
import { lookup, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

/** What an update makes of a parameter that the base does not have: additive changes start from zero. */
const fromNothing = (update: WeightUpdate, key: string): Tensor => {
  switch (update._tag) {
    case 'Dense':
      return tf.mul(update.delta, update.s);
    case 'LowRank':
      return lowRankDelta(update);
    case 'Replace':
      return update.value;
    default:
      throw new TypeError(`weights: expected "${key}", found nothing under that name`);
  }
};

/** The base tensor of a key, or else of the key that it is tied to. */
const stored = (p: ModelWeights, key: string, tiedTo: string | undefined): Tensor | undefined =>
  lookup(baseOf(p), key) ?? (tiedTo === undefined ? undefined : lookup(baseOf(p), tiedTo));

/** The effective parameter of a key: the base tensor with its update applied, or `undefined` where there is neither. */
export const optionalParameter = (p: ModelWeights, key: string, tiedTo?: string): Tensor | undefined => {
  const W = stored(p, key, tiedTo);
  const update = updateOf(p, key);
  if (update === undefined) return W;
  return W === undefined ? fromNothing(update, key) : applyUpdate(update, W);
};

/** The effective parameter of a key; a missing one is a programmer's mistake (weights of another model). */
export const parameter = (p: ModelWeights, key: string): Tensor => {
  const W = optionalParameter(p, key);
  if (W === undefined) throw new TypeError(`weights: expected "${key}", found nothing under that name`);
  return W;
};

/** The base tensor behind a key, or behind the key that it is tied to. */
export const baseParameter = (p: ModelWeights, key: string, tiedTo?: string): Tensor => {
  const W = stored(p, key, tiedTo);
  if (W === undefined) throw new TypeError(`weights: expected "${key}", found nothing under that name`);
  return W;
};
