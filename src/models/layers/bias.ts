/**
 * Adding a layer's bias, which an update may change on some tokens only.
 */
import { baseOf, updateOf, type ModelWeights } from '../../adapters/attached.js';
import type { WeightUpdate } from '../../adapters/update.js';
import { forwardUpdate, type Use } from '../../adapters/updates/forward.js';
import { lookup, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { optionalParameter } from './parameter.js';

/** Whether an update tells tokens apart, so that no vector holds what it makes of a bias. */
const byToken = (update: WeightUpdate): boolean => {
  if (update._tag === 'Branch') return update.kind === 'Masked';
  return (update._tag === 'Sequence' || update._tag === 'Sum') && update.updates.some(byToken);
};

/** A bias [out] as n rows of an output [n, out]. */
const rowsUse = (n: number): Use => ({
  dense: (b) => tf.tile(tf.reshape(b, [1, -1]), [n, 1]),
  addLowRank: () => {
    throw new TypeError('a bias is a vector, which has no factors');
  },
  outputAxis: 0,
  scaleOutput: (y, g) => tf.mul(y, tf.reshape(g, [1, -1])),
});

/**
 * y + b, with what is beside b in the weights; y where there is neither.
 *
 * @param key of b [out]
 * @param tiedTo the key that holds b where the base has none of that name
 * @param y [..., out], its tokens those that the update's mask tells apart
 */
export const addBias = (p: ModelWeights, key: string, tiedTo: string | undefined, y: Tensor): Tensor => {
  const update = updateOf(p, key);
  if (update === undefined || !byToken(update)) {
    const b = optionalParameter(p, key, tiedTo);
    return b === undefined ? y : tf.add(y, b);
  }
  const out = y.shape[y.rank - 1] as number;
  const stored = lookup(baseOf(p), key) ?? (tiedTo === undefined ? undefined : lookup(baseOf(p), tiedTo));
  const rows = forwardUpdate(update, stored ?? tf.zeros([out]), rowsUse(y.size / out));
  return tf.add(y, tf.reshape(rows, y.shape));
};
