/**
 * The two readings of an adapter: `apply` merges, `attach` puts the updates beside the weights.
 */
import { scope } from '../ops/backend.js';
import { lookup, recordOf, sameShape, showShape, type Tensor, type Weights } from '../ops/tensor.js';
import type { Adapter, Mergeable } from './adapter.js';
import type { Attached } from './attached.js';
import type { Routing } from './method.js';
import { adaptedKeys, sourceOf, touchedKeys, updateAt, type BaseLookup, type Reading } from './compile.js';
import type { WeightUpdate } from './update.js';
import { applyUpdate } from './updates/apply.js';

const baseTensor = (adapter: Adapter, weights: Weights, key: string): Tensor | undefined => {
  const source = sourceOf(adapter, key);
  return source === undefined ? undefined : lookup(weights, source);
};

const missing = (key: string): TypeError =>
  new TypeError(
    `weights: expected "${key}", which the adapter changes, found nothing under that name; are these the weights of its base model?`,
  );

const checked = (W: Tensor, V: Tensor, key: string): Tensor => {
  if (sameShape(W.shape, V.shape)) return V;
  throw new TypeError(`weights: expected ${showShape(V.shape)} for "${key}", found ${showShape(W.shape)}`);
};

/** The base weights under the adapted model's keys; the same references. */
const restructured = (adapter: Adapter, weights: Weights): Weights =>
  recordOf(
    adaptedKeys(adapter, Object.keys(weights)).flatMap((key) => {
      const W = baseTensor(adapter, weights, key);
      return W === undefined ? [] : [[key, W] as const];
    }),
  );

const updatesOf = (
  adapter: Adapter,
  weights: Weights,
  reading: Reading,
  routing?: Routing,
): ReadonlyArray<readonly [string, WeightUpdate]> =>
  [...touchedKeys(adapter, reading)].flatMap((key) => {
    const update = updateAt(adapter, key, reading, routing, (k) => lookup(weights, k));
    return update === undefined ? [] : [[key, update] as const];
  });

/**
 * One tensor with an adapter merged into it.
 *
 * apply(a, w)[key] = applyAt(a, key, w[key]); a key that the adapter leaves alone comes back as the same reference.
 *
 * @param key the parameter's name in the adapted model
 * @param W its tensor in storage layout
 * @param base other parameters of the base model, for the few adapters whose change of one reads another (GLoRA's biases)
 */
export const applyAt = (adapter: Adapter<Mergeable>, key: string, W: Tensor, base?: BaseLookup): Tensor =>
  scope(() => {
    const own = sourceOf(adapter, key) ?? key;
    const update = updateAt(adapter, key, 'stored', undefined, (k) => (k === own ? W : base?.(k)));
    return update === undefined ? W : checked(W, applyUpdate(update, W), key);
  });

/**
 * Merges an adapter into weights: w' = apply(a, w).
 *
 * Pure: `weights` is unchanged, untouched keys are the same references, and only the changed tensors are new. The
 * caller owns them (see `scope` and `dispose`).
 *
 * @param adapter a mergeable adapter (see `mergeable`)
 * @param weights the weights of the base model that the adapter was checked against
 */
export const apply = (adapter: Adapter<Mergeable>, weights: Weights): Weights =>
  scope(() => {
    const base = restructured(adapter, weights);
    const changed = updatesOf(adapter, weights, 'stored').map(([key, update]) => {
      const W = lookup(base, key);
      if (W === undefined) throw missing(key);
      return [key, checked(W, applyUpdate(update, W), key)] as const;
    });
    return recordOf([...Object.entries(base), ...changed]);
  });

/**
 * Puts an adapter beside weights, for a forward pass that leaves the base as it is.
 *
 * Law: forward(apply(a, w), x) = forward(attach(a, w), x) up to rounding, wherever a is mergeable and no tied parameter
 * is changed on one side only.
 *
 * @param routing what routed adapters look at beside their parameters; they say so when it is missing
 */
export const attach = (adapter: Adapter, weights: Weights, routing?: Routing): Attached => ({
  _tag: 'Attached',
  weights: restructured(adapter, weights),
  updates: recordOf(updatesOf(adapter, weights, 'attached', routing)),
});
