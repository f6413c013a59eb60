/**
 * Keys and values of tokens that were computed before: a cache is a plain value that a forward pass reads and gives back longer.
 *
 * The same value is what a per-layer prefix trains (prefix tuning, cartridges) and what a text becomes once it was read.
 */
import { scope } from '../ops/backend.js';
import { checkpoint } from '../ops/checkpoint.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { advance, inject, type ShadowPath } from './layers/shadow.js';

/** Keys and values of one layer, both [B, Hkv, T, d]; keys are already turned by their positions (RoPE). B may be 1 for any batch. */
export interface LayerCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Keys and values of every layer, first layer first; all of the same T. */
export type Cache = ReadonlyArray<LayerCache>;

/** Number of tokens in a cache; 0 without one. */
export const cacheLength = (cache: Cache | undefined): number => cache?.[0]?.k.shape[2] ?? 0;

/** Frees a cache's tensors, except those that `keep` holds too. */
export const disposeCache = (cache: Cache, options: { readonly keep?: Cache | undefined } = {}): void => {
  const kept = new Set((options.keep ?? []).flatMap(({ k, v }) => [k.id, v.id]));
  cache
    .flatMap(({ k, v }) => [k, v])
    .filter((t) => !kept.has(t.id))
    .forEach((t) => t.dispose());
};

/** One sequence repeated for a batch; Tile is many times slower on wasm. */
const forBatch = (x: Tensor, B: number): Tensor => (x.shape[0] === B ? x : tf.concat(Array<Tensor>(B).fill(x), 0));

/** [past; new] along the tokens. */
export const extend = (past: LayerCache | undefined, { k, v }: LayerCache): LayerCache => {
  if (past === undefined) return { k, v };
  const B = k.shape[0] as number;
  return { k: tf.concat([forBatch(past.k, B), k], 2), v: tf.concat([forBatch(past.v, B), v], 2) };
};

/** What a layer makes of activations: new ones, and its keys and values. It reads tensors of S, and captures none. */
export type Block<S> = (x: Tensor, read: S, layer: number) => readonly [x: Tensor, cache: LayerCache];

/** How activations are led through layers. */
export interface Passage<S> {
  readonly layers: number;
  readonly x: Tensor;
  /** What a layer reads beside the activations: weights, masks, its past. */
  readonly reads: (layer: number) => S;
  /** A state that goes through the layers beside the activations, for models with a shadow. */
  readonly shadow?: ShadowPath | undefined;
  /** Whether a backward pass computes each layer again instead of keeping its intermediates; there is no cache then. */
  readonly checkpoint: boolean;
}

/** Activations, and the state beside them. */
interface Flow {
  readonly x: Tensor;
  readonly s: Tensor | undefined;
}

/** How a layer looks at the state, and whether a later one does. */
interface Beside {
  readonly block: ReturnType<ShadowPath['block']>;
  readonly goesOn: boolean;
}

/** A layer between the state before it and the state behind it. */
const withState = <S>(block: Block<S>, { x, s }: Flow, read: S, layer: number, beside: Beside): [Flow, LayerCache] => {
  if (s === undefined || beside.block === undefined) {
    const [y, cache] = block(x, read, layer);
    return [{ x: y, s }, cache];
  }
  const [y, cache] = block(inject(beside.block, x, s), read, layer);
  return [{ x: y, s: beside.goesOn ? advance(beside.block, y, s) : undefined }, cache];
};

/** Leads activations through all layers and gathers their keys and values; a layer's other tensors are freed after it. */
export const throughLayers = <S>(
  { layers, x, reads, shadow, checkpoint: again }: Passage<S>,
  block: Block<S>,
): { readonly x: Tensor; readonly cache: Cache } => {
  const flow = checkpoint(
    (from: Flow, read: S, layer: number, beside: Beside) => withState(block, from, read, layer, beside)[0],
  );
  const cache: LayerCache[] = [];
  let at: Flow = { x, s: shadow?.state };
  for (let layer = 0; layer < layers; layer++) {
    const read = reads(layer);
    const from = at;
    const beside = { block: shadow?.block(layer), goesOn: shadow?.goesOn(layer) ?? false };
    if (again) at = flow(from, read, layer, beside);
    else {
      const [to, keysAndValues] = scope(() => withState(block, from, read, layer, beside));
      cache.push(keysAndValues);
      at = to;
    }
  }
  return { x: at.x, cache };
};
