/**
 * Weights with an adapter beside them: the unmerged reading of an adapter.
 */
import type { Weights } from '../ops/tensor.js';
import type { WeightUpdate } from './update.js';

/** Base weights and the updates that a model's layers add while they compute; the base stays as it is. */
export interface Attached {
  readonly _tag: 'Attached';
  readonly weights: Weights;
  /** Updates by the key that they change; an alias of a tied parameter may have its own. */
  readonly updates: Readonly<Record<string, WeightUpdate>>;
}

/** What a model's forward pass reads: plain or merged weights, or weights with updates beside them. */
export type ModelWeights = Weights | Attached;

/** Tells attached weights from a plain record; a record's values are tensors, never strings. */
export const isAttached = (p: ModelWeights): p is Attached => (p as { readonly _tag?: unknown })._tag === 'Attached';

/** The base tensors of either reading. */
export const baseOf = (p: ModelWeights): Weights => (isAttached(p) ? p.weights : p);

/** The update beside a key, if any. */
export const updateOf = (p: ModelWeights, key: string): WeightUpdate | undefined =>
  isAttached(p) && Object.hasOwn(p.updates, key) ? p.updates[key] : undefined;
