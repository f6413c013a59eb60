/**
 * Decoding as pure functions: a batch of prompts to a state, and a state with one more token each to the next.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { tensorOf } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { cacheLength, disposeCache, type Cache } from './cache.js';
import type { Inputs, LanguageModel, Run } from './model.js';

/** Token ids of sequences, of any lengths. */
export type Sequences = ReadonlyArray<ReadonlyArray<number>>;

/** Where a batch stands before its next token. */
export interface Decoding {
  /** Logits of the next token, [B, vocabulary]. */
  readonly logits: Tensor;
  /** What was read so far; the columns are past, padding, tokens. */
  readonly cache: Cache;
  /** Tokens of the past that all sequences share. */
  readonly past: number;
  /** Padding to the left of each sequence. */
  readonly padding: ReadonlyArray<number>;
}

type Layout = Pick<Decoding, 'past' | 'padding'>;

/** Column `column` of a sequence counts as this position; padding is at 0, where transformers puts it. */
const positionAt = (past: number, padding: number, column: number): number =>
  column < past + padding ? 0 : column - padding;

/** 0 for padding and 1 for everything else up to `columns`, or nothing where there is no padding. */
const maskOf = ({ past, padding }: Layout, columns: number): Tensor | undefined =>
  padding.every((n) => n === 0)
    ? undefined
    : tensorOf(
        Float32Array.from(
          padding.flatMap((n) => Array.from({ length: columns }, (_, j) => (j < past || j >= past + n ? 1 : 0))),
        ),
        [padding.length, columns],
      );

/** Inputs of tokens [B, T] that follow `before`, with logits of the last position. */
const inputsOf = (tokens: Sequences, layout: Layout, before: Cache | undefined): Inputs => {
  const [B, T] = [tokens.length, tokens[0]?.length ?? 0];
  const start = cacheLength(before);
  return {
    inputIds: tensorOf(Int32Array.from(tokens.flat()), [B, T]),
    attentionMask: maskOf(layout, start + T),
    positionIds: layout.padding.map((n) => Array.from({ length: T }, (_, j) => positionAt(layout.past, n, start + j))),
    past: before,
    logitsToKeep: 1,
  };
};

const decodingOf = ({ logits, cache }: Run, { past, padding }: Layout): Decoding => ({
  logits: tf.squeeze(logits, [1]),
  cache,
  past,
  padding,
});

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
  const longest = Math.max(...prompts.map((ids) => ids.length));
  const layout = { past: cacheLength(past), padding: prompts.map((ids) => longest - ids.length) };
  const padded = prompts.map((ids, i) => [...Array<number>(layout.padding[i] as number).fill(padTokenId), ...ids]);
  return decodingOf(model.run(weights, inputsOf(padded, layout, past)), layout);
};

/** Reads one more token of each sequence; `from` stays as it is. */
export const step = (
  model: LanguageModel,
  weights: ModelWeights,
  tokens: ReadonlyArray<number>,
  from: Decoding,
): Decoding => {
  const next = tokens.map((id) => [id]);
  return decodingOf(model.run(weights, inputsOf(next, from, from.cache)), from);
};

/** Frees a state's tensors. */
export const disposeDecoding = ({ logits, cache }: Decoding): void => {
  logits.dispose();
  disposeCache(cache);
};
