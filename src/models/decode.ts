/**
 * Decoding as pure functions: a batch of prompts to a state, and a state with one more token each to the next.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { tensorOf } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { cacheLength, disposeCache, type Cache } from './cache.js';
import type { Positions } from './layers/rotate.js';
import type { LanguageModel } from './model.js';

/** Token ids of sequences, of any lengths. */
export type Sequences = ReadonlyArray<ReadonlyArray<number>>;

/** Where a batch stands before its next token. */
export interface Decoding {
  /** Logits of the next token, [B, vocabulary]. */
  readonly logits: Tensor;
  /** What was read so far; the columns are past, padding, tokens. */
  readonly cache: Cache;
  /** Columns before the padding, which all sequences see. */
  readonly past: number;
  /** Padding to the left of each sequence. */
  readonly padding: ReadonlyArray<number>;
}

type Layout = Pick<Decoding, 'past' | 'padding'>;

/** 0 for padding and 1 for everything else, [B, columns], or nothing where there is no padding. */
const maskOf = ({ past, padding }: Layout, columns: number): Tensor | undefined =>
  padding.every((n) => n === 0)
    ? undefined
    : tensorOf(
        Float32Array.from(
          padding.flatMap((n) => Array.from({ length: columns }, (_, j) => (j < past || j >= past + n ? 1 : 0))),
        ),
        [padding.length, columns],
      );

/** Positions of n columns from `start` on, where padding makes them differ; padding is at 0, where transformers puts it. */
const positionsOf = ({ past, padding }: Layout, start: number, n: number): Positions | undefined =>
  padding.every((pad) => pad === 0)
    ? undefined
    : padding.map((pad) => Array.from({ length: n }, (_, j) => (start + j < past + pad ? 0 : start + j - pad)));

const idsOf = (tokens: Sequences): Tensor =>
  tensorOf(Int32Array.from(tokens.flat()), [tokens.length, tokens[0]?.length ?? 0]);

/** What `prefill` may be told. */
export interface PrefillOptions {
  /**
   * What all sequences see before their first token: the cache of a text that was read, a per-layer prefix, a cartridge, or a
   * soft prompt P as `run(weights, { inputsEmbeds: P }).cache`.
   */
  readonly past?: Cache | undefined;
  /** The token that fills shorter sequences up, 0 by default; no result depends on it. */
  readonly padTokenId?: number | undefined;
}

/**
 * Reads a batch of prompts, the shorter ones padded on the left.
 *
 * @param prompts at least one sequence, each with at least one token
 */
export const prefill = (
  model: LanguageModel,
  weights: ModelWeights,
  prompts: Sequences,
  { past, padTokenId = 0 }: PrefillOptions = {},
): Decoding => {
  const T = Math.max(...prompts.map((ids) => ids.length));
  const padding = prompts.map((ids) => T - ids.length);
  const start = cacheLength(past);
  const { logits, cache } = model.run(weights, {
    inputIds: idsOf(prompts.map((ids, i) => [...Array<number>(padding[i] as number).fill(padTokenId), ...ids])),
    attentionMask: maskOf({ past: 0, padding }, T),
    positionIds: positionsOf({ past: start, padding }, start, T),
    past,
    logitsToKeep: 1,
  });
  // A model may put virtual tokens of its own before the prompts (`withPrompts`).
  return { logits: tf.squeeze(logits, [1]), cache, past: cacheLength(cache) - T, padding };
};

/** Reads one more token of each sequence; `from` stays as it is. */
export const step = (
  model: LanguageModel,
  weights: ModelWeights,
  tokens: ReadonlyArray<number>,
  from: Decoding,
): Decoding => {
  const start = cacheLength(from.cache);
  const { logits, cache } = model.run(weights, {
    inputIds: idsOf(tokens.map((id) => [id])),
    attentionMask: maskOf(from, start + 1),
    positionIds: positionsOf(from, start, 1),
    past: from.cache,
    logitsToKeep: 1,
  });
  return { ...from, logits: tf.squeeze(logits, [1]), cache };
};

/** Frees a state's tensors. */
export const disposeDecoding = ({ logits, cache }: Decoding): void => {
  logits.dispose();
  disposeCache(cache);
};
