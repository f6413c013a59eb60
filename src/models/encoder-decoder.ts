/**
 * Encoder-decoders: a text is read once, and what it says makes the decoder a language model.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { tensorOf } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import type { Cache } from './cache.js';
import { IGNORED } from './loss.js';
import type { Context, LanguageModel, Tokens } from './model.js';

/** What the encoder reads. */
export type SourceInputs = Tokens & Pick<Context, 'attentionMask' | 'checkpoint'>;

/** The decoder's new tokens, by id or by embeddings, and what surrounds them. */
export type TargetInputs = (
  | {
      /** Token ids, int32 [B, T]: `shiftRight` of the labels in training, the start token first in generation. */
      readonly decoderInputIds: Tensor;
      readonly decoderInputsEmbeds?: undefined;
    }
  | { readonly decoderInputsEmbeds: Tensor; readonly decoderInputIds?: undefined }
) &
  Pick<Context, 'past' | 'logitsToKeep' | 'checkpoint'> & {
    /** 1 for tokens and 0 for padding, [B, T], or [B, P + T] with a past of P tokens. */
    readonly decoderAttentionMask?: Tensor | undefined;
  };

/** What an encoder-decoder reads. */
export type EncoderDecoderInputs = SourceInputs & TargetInputs;

/** A text as the decoder sees it. */
export interface Encoded {
  /** Keys and values of the decoder's cross-attention, [B, H, S, d] a layer. */
  readonly cross: Cache;
  /** The additive mask of padding, [B, 1, 1, S]; `undefined` where all are tokens. */
  readonly mask: Tensor | undefined;
}

/** An encoder-decoder that is ready to run. */
export interface EncoderDecoderModel {
  /** Embeddings [B, T, D] of token ids int32 [B, T]. */
  readonly embed: (weights: ModelWeights, inputIds: Tensor) => Tensor;
  /** The token that starts the decoder's text, where config.json names one. */
  readonly start: number | undefined;
  /** Reads a text; differentiable in weights and `inputsEmbeds`. */
  readonly encode: (weights: ModelWeights, inputs: SourceInputs) => Encoded;
  /** The decoder after a text: what it continues are the decoder's own tokens. */
  readonly decoder: (encoded: Encoded) => LanguageModel;
}

/** The decoder's part of inputs, as a language model reads it. */
const targetOf = (i: TargetInputs) => ({
  ...(i.decoderInputIds === undefined ? { inputsEmbeds: i.decoderInputsEmbeds } : { inputIds: i.decoderInputIds }),
  attentionMask: i.decoderAttentionMask,
  past: i.past,
  logitsToKeep: i.logitsToKeep,
  checkpoint: i.checkpoint,
});

/** Logits [B, T, vocabulary] of an encoder-decoder. */
export const runEncoderDecoder = (
  { encode, decoder }: EncoderDecoderModel,
  weights: ModelWeights,
  inputs: EncoderDecoderInputs,
): Tensor => decoder(encode(weights, inputs)).run(weights, targetOf(inputs)).logits;

/**
 * The decoder's inputs for labels: [start, l_1, ..., l_(T - 1)], with padding where labels do not count.
 *
 * @param labels int32 [B, T], -100 where none
 * @param start the token before the first
 * @param padding the token in place of -100
 * @returns int32 [B, T]
 */
export const shiftRight = (
  labels: Tensor,
  { start, padding }: { readonly start: number; readonly padding: number },
): Tensor => {
  const [B, T] = labels.shape as [number, number];
  const first = tensorOf(
    Int32Array.from({ length: B }, () => start),
    [B, 1],
  );
  const shifted = tf.concat([first, tf.slice(labels, [0, 0], [B, T - 1])], 1);
  return tf.where(tf.equal(shifted, tf.fill([B, T], IGNORED, 'int32')), tf.fill([B, T], padding, 'int32'), shifted);
};
