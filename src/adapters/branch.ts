/**
 * Changes of a forward pass that no dense weight can hold, where they are made of tensors alone: of a layer, or of the whole model.
 */
import type { Key } from '../ops/random.js';
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

/**
 * y' = y + ((x A^T) * g) B^T: experts of low rank side by side, each with a gate of its own at every token; A [R, in] and B [out, R], in
 * the layout of the stored weight.
 */
export interface Gated {
  readonly kind: 'Gated';
  readonly B: Tensor;
  readonly A: Tensor;
  /** The expert that each of the R ranks belongs to. */
  readonly experts: ReadonlyArray<number>;
  /** The layer's number for its router. */
  readonly layer: number;
  /** Gates of the experts, [batch, T, E], or [1, 1, E] for all tokens alike; open (1) where no router has run. */
  readonly gates?: Tensor;
}

/**
 * Gates of all `Gated` layers, from the model's own hidden states H [batch, T, D]: softmax(f(H) / temperature) of a network f.
 *
 * It stands under `routerKey`, since no parameter is its own.
 */
export interface Router {
  readonly kind: 'Router';
  /** f: W x + b, with a relu between two layers; W [out, in]. */
  readonly network: ReadonlyArray<{ readonly W: Tensor; readonly b: Tensor }>;
  readonly experts: number;
  /** Layers that f has outputs of their own for; 1 where all share the same gates. */
  readonly layers: number;
  /** Of the softmax over experts; no softmax without one. */
  readonly temperature: number | undefined;
  /** Experts that stay open at a token; all without it. */
  readonly topK: number | undefined;
  /** Softmax over the gates that are not zero. */
  readonly renormalized: boolean;
  /** A factor of all gates. */
  readonly weight: number;
  /** Every gate while the hidden states are computed. */
  readonly first: number;
}

/**
 * y' = y + (e * exp(x V^T / 2)) B^T with e ~ N(0, 1) [n, r]: noise whose log variance is V x; V [r, in] and B [out, r], whatever the
 * layout of the weight.
 */
export interface Noise {
  readonly kind: 'Noise';
  readonly V: Tensor;
  readonly B: Tensor;
  readonly key: Key;
}

/** The key of a router; no parameter has this name. */
export const routerKey = '(router)';

/**
 * Virtual tokens before the real ones: soft embeddings [n, D], or [batch, n, D] where samples differ (prompt tuning), or keys and values [1, Hkv, n, d] for every
 * layer (prefix tuning, cartridges). They change no weight; the model's forward pass reads them. In an encoder-decoder `soft`
 * is the encoder's, `decoderSoft` and `prefix` are the decoder's.
 */
export interface Prompt {
  readonly _tag: 'Prompt';
  readonly soft?: Tensor;
  readonly decoderSoft?: Tensor;
  readonly prefix?: ReadonlyArray<{ readonly k: Tensor; readonly v: Tensor }>;
}

/** The key under which virtual tokens stand beside the weights; no parameter has this name. */
export const promptKey = '(prompt)';

/** A branch of tensors alone. */
export type TensorBranch =
  GroupedConv | PerSample | Mixture | PromptAttention | Patches | Feedback | Gated | Router | Noise;
