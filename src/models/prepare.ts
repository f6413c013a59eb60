/**
 * Weights laid out for decoding: a token at a time, a product with W^T costs several times one with a matrix stored as W^T.
 */
import { baseOf, isAttached, type ModelWeights } from '../adapters/attached.js';
import { currentBackend, dispose, scope } from '../ops/backend.js';
import { lookup, recordOf, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { transposedKey } from './layers/linear.js';
import type { LanguageModel } from './model.js';

/** Elements that may be copied: the copies and what wasm packs of them have to fit its heap beside the weights. */
const MOST_COPIED = 2 ** 27;

const transposable = (model: LanguageModel, weights: ModelWeights): ReadonlyArray<readonly [string, Tensor]> =>
  model.projections.flatMap((key) => {
    const W = lookup(baseOf(weights), key);
    const done = lookup(baseOf(weights), transposedKey(key)) !== undefined;
    return W === undefined || done ? [] : [[key, W] as const];
  });

/**
 * The same weights with transposed copies of those that linear layers read, plain or attached.
 *
 * Only wasm gains by it: on other backends, and for more than 512 MB, the weights come back as they are. The copies are
 * constants: no gradient reaches a weight through them. Free them with `disposePrepared`.
 */
export const prepareForDecode = (model: LanguageModel, weights: ModelWeights): ModelWeights => {
  const sources = currentBackend() === 'wasm' ? transposable(model, weights) : [];
  if (sources.length === 0 || sources.reduce((n, [, W]) => n + W.size, 0) > MOST_COPIED) return weights;
  const copies = scope(() => sources.map(([key, W]) => [transposedKey(key), tf.transpose(W)] as const));
  const base = recordOf([...Object.entries(baseOf(weights)), ...copies]);
  return isAttached(weights) ? { ...weights, weights: base } : base;
};

/** Frees what `prepareForDecode` added to `weights`. */
export const disposePrepared = (prepared: ModelWeights, weights: ModelWeights): void =>
  dispose(baseOf(prepared), { keep: baseOf(weights) });
