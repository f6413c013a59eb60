/**
 * Relative position biases: a learned number for every head and distance, distances in buckets that widen as they grow.
 *
 * Source: Raffel et al., T5 (arXiv 1910.10683, section 2.1).
 */
import type { ModelWeights } from '../../adapters/attached.js';
import { tensorOf } from '../../ops/backend.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { embedding } from './embedding.js';

/** How distances fall into buckets. */
export interface Buckets {
  /** Number of buckets. */
  readonly count: number;
  /** Distances from here on share the last bucket. */
  readonly maxDistance: number;
  /** Keys behind a query have buckets of their own, the upper half; otherwise they share that of distance 0. */
  readonly bidirectional: boolean;
}

const f32 = Math.fround;

/**
 * The bucket of a key's position minus its query's: one each for short distances, then logarithmic ones.
 *
 * Rounded to float32 where transformers rounds, since a distance on an edge falls to either side.
 */
export const bucketOf = (distance: number, { count, maxDistance, bidirectional }: Buckets): number => {
  const n = bidirectional ? Math.floor(count / 2) : count;
  const offset = bidirectional && distance > 0 ? n : 0;
  const d = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(n / 2);
  if (d < exact) return offset + d;
  const share = f32(f32(Math.log(f32(d / exact))) / f32(Math.log(maxDistance / exact)));
  return offset + Math.min(n - 1, exact + Math.trunc(f32(share * (n - exact))));
};

/** Where queries stand among the keys: the last S of T. */
export interface Span {
  readonly queries: number;
  readonly keys: number;
}

/**
 * b[h, i, j] = W[bucket(j - i'), h], i' = i + T - S the place of query i among the keys.
 *
 * @param p weights; `module.weight` is [buckets, H]
 * @returns [1, H, S, T], to be added to attention scores
 */
export const relativeBias = (p: ModelWeights, module: string, { queries, keys }: Span, buckets: Buckets): Tensor => {
  const ids = Int32Array.from({ length: queries * keys }, (_, at) => {
    const query = Math.floor(at / keys) + keys - queries;
    return bucketOf((at % keys) - query, buckets);
  });
  const biases = embedding(p, module, tensorOf(ids, [queries, keys])); // [S, T, H]
  return tf.expandDims(tf.transpose(biases, [2, 0, 1]), 0);
};
