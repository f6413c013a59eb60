/**
 * What ShadowPEFT puts beside a decoder: a smaller model, and at each block the weights that couple both.
 */
import type { ModelSpec } from '../../models/spec.js';
import type { Tensor, Weights } from '../../ops/tensor.js';

/** W2 gelu(W1 h + b1) + b2, with W1 [u, D] and W2 [D, u]. */
export interface Network {
  readonly W1: Tensor;
  readonly b1: Tensor;
  readonly W2: Tensor;
  readonly b2: Tensor;
}

/**
 * A block reads h' = h + alpha (h - s) A^T B^T in place of h, and of its output y the next state is s' = (1 - g) s + g T(y), where
 * g = sigmoid(G(y)); A [r, D], B [D, r]. It stands under the block's `blockKey`, since no parameter is its own.
 */
export interface ShadowBlock {
  readonly kind: 'ShadowBlock';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly alpha: number;
  readonly T: Network;
  readonly G: Network;
}

/**
 * A model beside the base, whose hidden states, projected by P, are the first state s [batch, T, D] of the blocks.
 *
 * It stands under `shadowKey`.
 */
export interface Shadow {
  readonly kind: 'Shadow';
  /** Its architecture. */
  readonly spec: ModelSpec;
  /** Its weights by key. */
  readonly weights: Weights;
  /** P [D, D of the shadow]; absent where the widths are the same. */
  readonly P?: Tensor;
  /** It reads the base's token embeddings. */
  readonly shared: boolean;
  /** The weight of its own loss beside the base's. */
  readonly lossWeight: number;
  /** The first state, where the shadow has run. */
  readonly state?: Tensor;
}

/** The key of changes of a decoder block as a whole; no parameter has this name. */
export const blockKey = (module: string): string => `${module}.(block)`;

/** The key of a shadow; no parameter has this name. */
export const shadowKey = '(shadow)';
