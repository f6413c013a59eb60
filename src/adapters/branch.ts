/**
 * Changes of a layer's forward pass that no dense weight can hold, where they are made of tensors alone.
 */
import type { Tensor } from '../ops/tensor.js';

/** y' = y + s conv_B(conv_A(x)): LoRA on a grouped convolution, whose B [out, r / groups] is grouped and A [r, in, ...kernel] is not. */
export interface GroupedConv {
  readonly kind: 'GroupedConv';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly s: number;
  /** DoRA magnitude [out], absent for plain LoRA. */
  readonly m?: Tensor;
}

/** y'[i] = y[i] + s (x[i] A[i]) B[i]: every sample i of a batch has its own factors, A [batch, in, r] and B [batch, r, out]. */
export interface PerSample {
  readonly kind: 'PerSample';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly s: number;
}

/**
 * y' = y + s (x A^T) (sum_e p_e B_e): experts B [E, r, out] behind a shared A [r, in], mixed for all rows of x alike by the mean p of their
 * softmax(x A^T R^T); R [E, r].
 */
export interface Mixture {
  readonly kind: 'Mixture';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly R: Tensor;
  readonly s: number;
}

/**
 * y' = y + o(g softmax(q k(P)^T / sqrt(d)) v(P)): queries of an attention layer look at virtual tokens P [1, n, D] beside the real ones,
 * through a gate g [1]. It stands under the layer's `attentionKey`, since no parameter is its own.
 */
export interface PromptAttention {
  readonly kind: 'PromptAttention';
  readonly P: Tensor;
  readonly g: Tensor;
}

/** The key of changes of an attention layer as a whole; no parameter has this name. */
export const attentionKey = (module: string): string => `${module}.(attention)`;

/** y' = conv(x', W) with x' = fold(unfold(x) blockdiag(R)): patches are turned one by one and added up where they overlap; R [k, b, b]. */
export interface Patches {
  readonly kind: 'Patches';
  readonly R: Tensor;
}

/** y' = y + x D^T for the values and the gradient of D, with F [out, in] in D's place for the gradient of x. */
export interface Feedback {
  readonly kind: 'Feedback';
  readonly D: Tensor;
  readonly F: Tensor;
}
