/**
 * Additive attention masks: 0 where a query sees a key, the lowest float32 elsewhere.
 *
 * A sum is all that the layers need then; selecting is slow on wasm. The lowest float and not -infinity, so that a query that
 * sees nothing (left padding) gets equal weights and no NaN.
 */
import { tensorOf } from '../../ops/backend.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';

const LOWEST = -3.4028234663852886e38;

/** What a query may see. */
export interface Sight {
  /** Number of queries S: the last S of the keys. */
  readonly queries: number;
  /** Number of keys T. */
  readonly keys: number;
  /** A query sees this many keys at most, its own among them. */
  readonly window?: number | undefined;
  /** 1 for tokens and 0 for padding, [B, T]. */
  readonly padding?: Tensor | undefined;
}

/** 1 where query i, which is key i + T - S, sees key j. */
const visible = ({ queries, keys, window = Infinity }: Sight): Float32Array => {
  const seen = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    const self = i + keys - queries;
    for (let j = Math.max(0, self - window + 1); j <= self; j++) seen[i * keys + j] = 1;
  }
  return seen;
};

/** The mask of padding alone: every query sees every token; `tokens` [B, T] is 1 for tokens and 0 for padding, result [B, 1, 1, T]. */
export const paddingMask = (tokens: Tensor): Tensor =>
  tf.mul(tf.sub(1, tf.reshape(tf.cast(tokens, 'float32'), [tokens.shape[0] as number, 1, 1, -1])), LOWEST);

/**
 * The causal mask: query i sees keys j <= i, j > i - window, that are not padding.
 *
 * @returns [B, 1, S, T], or [1, 1, S, T] without padding
 */
export const causalMask = (sight: Sight): Tensor => {
  const shape = [1, 1, sight.queries, sight.keys];
  const seen = visible(sight);
  if (sight.padding === undefined)
    return tensorOf(
      seen.map((x) => (x === 1 ? 0 : LOWEST)),
      shape,
    );
  const tokens = tf.reshape(tf.cast(sight.padding, 'float32'), [-1, 1, 1, sight.keys]);
  return tf.mul(tf.sub(1, tf.mul(tensorOf(seen, shape), tokens)), LOWEST);
};
