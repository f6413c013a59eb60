/**
 * A language model as a record of pure functions: config.json to a configuration, and a configuration to a forward pass.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import type { Config } from './config.js';
import type { Positions } from './layers/rotate.js';

/** What a language model reads. */
export interface Inputs {
  /** Token ids, int32 [B, T], each in [0, vocabulary). */
  readonly inputIds: Tensor;
  /** 1 for tokens and 0 for padding, [B, T]; all are tokens when it is absent. */
  readonly attentionMask?: Tensor | undefined;
  /** Positions of the tokens, B rows or one row for all of T integers; 0, 1, ... when absent. */
  readonly positionIds?: Positions | undefined;
}

/** Logits [B, T, vocabulary] of inputs; differentiable in the weights. */
export type Forward = (weights: ModelWeights, inputs: Inputs) => Tensor;

/** An architecture: the `model_type`s that it covers, its configuration C, and its forward pass. */
export interface Model<C> {
  readonly modelTypes: ReadonlyArray<string>;
  /** Reads config.json; `modelType` is one of `modelTypes`. */
  readonly decode: (modelType: string, config: Config) => Result<C>;
  /** Logits [B, T, vocabulary]. Throws a `TypeError` when the weights are those of another model. */
  readonly forward: (config: C, weights: ModelWeights, inputs: Inputs) => Tensor;
}

/** Positions of inputs: those given, or 0 .. T - 1. Rows must fit the token ids. */
export const positionsOf = ({ inputIds, positionIds }: Inputs): Positions => {
  const [B, T] = inputIds.shape as [number, number];
  if (inputIds.rank !== 2) throw new RangeError(`inputIds: expected [B, T], found ${inputIds.rank} axes`);
  if (positionIds === undefined) return [Array.from({ length: T }, (_, i) => i)];
  if ((positionIds.length !== 1 && positionIds.length !== B) || positionIds.some((row) => row.length !== T))
    throw new RangeError(`positionIds: expected 1 or ${B} rows of ${T} positions`);
  return positionIds;
};
