/**
 * Undoing a merge.
 */
import { lookup, mapRecord, type Weights } from '../ops/tensor.js';
import { leavesOf, type Adapter, type Mergeable } from './adapter.js';
import { apply } from './apply.js';
import { inverse } from './combine.js';
import { touchedKeys } from './compile.js';

/**
 * Takes an adapter out of merged weights.
 *
 * With the base: unapply(a, apply(a, w), w) = w, bit for bit, for every mergeable adapter; tensors that the adapter
 * changed come back as the base's own references, all others as they are in `merged`.
 *
 * Without it, additive adapters only: apply(inverse(a), merged), which rounds. Per element the error is at most one
 * unit in the last place of the larger of |w| and |w'| for each of the two roundings, (w + d) - d.
 *
 * @param adapter the adapter that was merged
 * @param merged the result of `apply`
 * @param base the weights before
 */
export function unapply(adapter: Adapter<Mergeable>, merged: Weights, base: Weights): Weights;
export function unapply(adapter: Adapter<'additive'>, merged: Weights): Weights;
export function unapply(adapter: Adapter<Mergeable>, merged: Weights, base?: Weights): Weights {
  if (base === undefined) return apply(inverse(adapter as Adapter<'additive'>), merged);
  const changed = touchedKeys(adapter);
  const moved = leavesOf(adapter).some((leaf) => leaf.change !== undefined);
  return mapRecord(base, (W, key) => (changed.has(key) || moved ? W : (lookup(merged, key) ?? W)));
}
