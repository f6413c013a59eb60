/**
 * Encoders: models in which every token sees all others, with the head of their class.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import type { Context, Geometry, Tokens } from './model.js';

/** What an encoder reads: B sequences of T tokens. */
export type EncoderInputs = Tokens &
  Pick<Context, 'attentionMask' | 'positionIds' | 'checkpoint'> & {
    /** The sentence that each token belongs to, int32 [B, T], each in [0, types); all 0 when absent. */
    readonly tokenTypeIds?: Tensor | undefined;
    /** Keys and values that all tokens see beside their own: a per-layer prefix. Positions count from behind it. */
    readonly past?: Context['past'];
  };

/** An encoder that is ready to run. */
export interface EncoderModel {
  readonly geometry: Geometry;
  /** Embeddings [B, T, D] of token ids int32 [B, T], without positions. */
  readonly embed: (weights: ModelWeights, inputIds: Tensor) => Tensor;
  /**
   * What the class computes: hidden states [B, T, D], logits of each token [B, T, labels], or of each sequence [B, labels];
   * differentiable in weights, `inputsEmbeds` and `past`. Throws as a language model's `run` does.
   */
  readonly run: (weights: ModelWeights, inputs: EncoderInputs) => Tensor;
}
