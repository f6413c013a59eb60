/**
 * The base weights as the adapted model names them.
 */
import type { Adapter } from '../adapters/adapter.js';
import { adaptedKeys, sourceOf, touchedKeys, updateAt, type Reading } from '../adapters/compile.js';
import type { WeightUpdate } from '../adapters/update.js';
import { samples } from './operations.js';
import { lookup, recordOf, type Tensor, type Weights } from '../ops/tensor.js';

/** The tensor that each key of the adapted model starts from; the same references. */
export const startOf = (adapter: Adapter, weights: Weights): Weights =>
  recordOf(
    adaptedKeys(adapter, Object.keys(weights)).flatMap((key) => {
      const W = lookup(weights, sourceOf(adapter, key) ?? '');
      return W === undefined ? [] : [[key, W] as const];
    }),
  );

/** The update of a key on given base weights, which some updates read. */
export const changeAt = (
  adapter: Adapter,
  weights: Weights,
  key: string,
  reading: Reading = 'stored',
): WeightUpdate | undefined => updateAt(adapter, key, reading, samples, (k) => lookup(weights, k));

/** Every changed key with the tensor that it starts from and its update. */
export const changesAt = (
  adapter: Adapter,
  weights: Weights,
): ReadonlyArray<{ readonly key: string; readonly W: Tensor; readonly update: WeightUpdate }> => {
  const start = startOf(adapter, weights);
  return [...touchedKeys(adapter)].flatMap((key) => {
    const [W, update] = [lookup(start, key), changeAt(adapter, weights, key)];
    return W === undefined || update === undefined ? [] : [{ key, W, update }];
  });
};
