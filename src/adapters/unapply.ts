/**
 * Undoing a merge.
 */
import { lookup, mapRecord, type Weights } from '../ops/tensor.js';
import { leavesOf, type Adapter, type Invertible, type Mergeable } from './adapter.js';
import { apply } from './apply.js';
import { inverse } from './combine.js';
import { touchedKeys } from './compile.js';

/**
 * Takes an adapter out of merged weights.
 *
 * With the base: unapply(a, apply(a, w), w) = w, bit for bit, for every mergeable adapter; tensors that the adapter
 * changed come back as the base's own references, all others as they are in `merged`.
 *
 * Without it, invertible adapters only: apply(inverse(a), merged), which rounds. Where a adds, the error per element is at most one
 * unit in the last place of the larger of |w| and |w'| for each of the two roundings, (w + d) - d; where it rotates or scales, that of
 * two products.
 *
 * @param adapter the adapter that was merged
 * @param merged the result of `apply`
 * @param base the weights before
 */
export function unapply(adapter: Adapter<Mergeable>, merged: Weights, base: Weights): Weights;
export function unapply(adapter: Adapter<Invertible>, merged: Weights): Weights;
export function unapply(adapter: Adapter<Mergeable>, merged: Weights, base?: Weights): Weights {
  if (base === undefined) return apply(inverse(adapter as Adapter<Invertible>), merged);
  const changed = touchedKeys(adapter);
  const moved = leavesOf(adapter).some((leaf) => leaf.change !== undefined);
  return mapRecord(base, (W, key) => (changed.has(key) || moved ? W : (lookup(merged, key) ?? W)));
}
