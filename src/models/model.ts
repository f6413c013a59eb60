/**
 * Models as records of pure functions: config.json to a configuration, and a configuration to a forward pass.
 *
 * Language models read tokens from left to right; what other kinds read is in encoder.ts, encoder-decoder.ts and image.ts.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import type { Cache } from './cache.js';
import type { Config } from './config.js';
import type { Positions } from './layers/rotate.js';

/** How the new tokens are given: by id, or by their embeddings. */
export type Tokens =
  | {
      /** Token ids, int32 [B, T], each in [0, vocabulary). */
      readonly inputIds: Tensor;
      readonly inputsEmbeds?: undefined;
    }
  | {
      /** Embeddings in place of token ids, float32 [B, T, D]: soft prompts, or `embed` of ids with soft prompts before them. */
      readonly inputsEmbeds: Tensor;
      readonly inputIds?: undefined;
    };

/** What surrounds the new tokens. */
export interface Context {
  /**
   * 1 for tokens and 0 for padding: [B, T] for the new tokens, which see all of `past`, or [B, P + T] for both; all are tokens
   * when it is absent.
   */
  readonly attentionMask?: Tensor | undefined;
  /** Positions of the new tokens, B rows or one row for all of T integers; P, P + 1, ... when absent. */
  readonly positionIds?: Positions | undefined;
  /**
   * Keys and values of the P tokens before: the cache of an earlier run, or a prefix. Sliding windows count them as tokens.
   *
   * Cached keys keep the rotation they have. Where frequencies depend on the length (rope of kind dynamic or longrope, beyond
   * the trained context), that is not the rotation that one run over everything would give; transformers does the same.
   */
  readonly past?: Cache | undefined;
  /** Logits of the last n positions only: a head over a large vocabulary is costly. All when absent. */
  readonly logitsToKeep?: number | undefined;
  /**
   * Gradient checkpointing by layer, for training: the backward pass computes each layer again, and only the activations between
   * layers are kept. The same gradients with a third of the memory and about half more time; no cache is given. Off when absent.
   */
  readonly checkpoint?: boolean | undefined;
}

/** What a language model reads: B sequences of T new tokens and their context. */
export type Inputs = Tokens & Context;

/** What the layers of a language model compute. */
export interface States {
  /** The last hidden states, as the head reads them: [B, T, D], or [B, n, D] with `logitsToKeep` n. */
  readonly hidden: Tensor;
  /** Keys and values of past and new tokens, [B, Hkv, P + T, d] each; of no layers with `checkpoint`. */
  readonly cache: Cache;
  /** Logits [B, T, vocabulary], or [B, n, vocabulary] with `logitsToKeep` n; the head runs when they are asked for. */
  readonly logits: () => Tensor;
}

/** What a language model computes. */
export interface Run {
  /** [B, T, vocabulary], or [B, n, vocabulary] with `logitsToKeep` n. */
  readonly logits: Tensor;
  readonly cache: Cache;
}

/** Sizes that inputs and caches have to fit. */
export interface Geometry {
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Number of learned positions, which no sequence may exceed; `undefined` where positions are computed. */
  readonly positions: number | undefined;
}

/** The parts of a language model. */
export interface LanguageModelParts {
  readonly geometry: Geometry;
  /** Keys of the weights [out, in] that linear layers read; some may be missing from the weights (a tied head). */
  readonly projections: ReadonlyArray<string>;
  /** Embeddings [B, T, D] of token ids int32 [B, T], without positions. */
  readonly embed: (weights: ModelWeights, inputIds: Tensor) => Tensor;
  /** Logits [..., vocabulary] of last hidden states [..., D]. */
  readonly head: (weights: ModelWeights, hidden: Tensor) => Tensor;
  /**
   * Hidden states and the longer cache; differentiable in weights, `inputsEmbeds` and `past`.
   *
   * Throws a `TypeError` when the weights are those of another model, and a `RangeError` when inputs do not fit each other.
   */
  readonly states: (weights: ModelWeights, inputs: Inputs) => States;
}

/** A model that is ready to run. */
export interface LanguageModel extends LanguageModelParts {
  /** Logits and the longer cache: the head on the hidden states, differentiable and checked as these. */
  readonly run: (weights: ModelWeights, inputs: Inputs) => Run;
}

/** A model of its parts. */
export const languageModel = (parts: LanguageModelParts): LanguageModel => ({
  ...parts,
  run: (weights, inputs) => {
    const { logits, cache } = parts.states(weights, inputs);
    return { logits: logits(), cache };
  },
});

/** An architecture: the `model_type`s that it covers, its configuration C, and the model that it makes. */
export interface Model<C, M = LanguageModelParts> {
  readonly modelTypes: ReadonlyArray<string>;
  /** Reads config.json; `modelType` is one of `modelTypes`, `className` the class that the weights are of. */
  readonly decode: (modelType: string, config: Config, className: string | undefined) => Result<C>;
  readonly prepare: (config: C) => M;
}
