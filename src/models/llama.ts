/**
 * The Llama family: Llama, Mistral, Qwen2 and Qwen3 with a language-model head.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { asHeads, attention, swapHeads } from './layers/attention.js';
import { embedding } from './layers/embedding.js';
import { linear } from './layers/linear.js';
import { causalMask } from './layers/mask.js';
import { rmsNorm } from './layers/norm.js';
import { rotate, rotationOf, type Rotation } from './layers/rotate.js';
import { decodeLlamaConfig, llamaTypes, type LlamaConfig } from './llama-config.js';
import { positionsOf, type Inputs, type Model } from './model.js';

/** What all layers share: how heads turn with position, and the mask of each distinct window. */
interface Shared {
  readonly rotation: Rotation;
  readonly masks: ReadonlyMap<number | undefined, Tensor>;
}

const sharedOf = (c: LlamaConfig, inputs: Inputs): Shared => {
  const positions = positionsOf(inputs);
  const keys = inputs.inputIds.shape[1] as number;
  const maskOf = (window: number | undefined): Tensor =>
    causalMask({ queries: keys, keys, window, padding: inputs.attentionMask });
  return {
    rotation: rotationOf(c.rope, positions),
    masks: new Map([...new Set(c.windows)].map((window) => [window, maskOf(window)])),
  };
};

/** o(attention(rot(q x), rot(k x), v x)); x [B, T, D]. */
const selfAttention = (
  c: LlamaConfig,
  p: ModelWeights,
  at: string,
  x: Tensor,
  shared: Shared,
  layer: number,
): Tensor => {
  const project = (name: string, heads: number): Tensor => asHeads(linear(p, `${at}.${name}_proj`, x), heads);
  const turned = (name: 'q' | 'k', heads: number): Tensor => {
    const h = project(name, heads);
    const normalized = c.normalizedHeads ? rmsNorm(p, `${at}.${name}_norm`, h, c.epsilon) : h;
    return rotate(swapHeads(normalized), shared.rotation);
  };
  const y = attention(turned('q', c.heads), turned('k', c.groups), swapHeads(project('v', c.groups)), {
    scale: c.headDim ** -0.5,
    mask: shared.masks.get(c.windows[layer]),
  });
  return linear(p, `${at}.o_proj`, y);
};

/** down(act(gate x) * up x): a gated linear unit (Shazeer, arXiv 2002.05202). */
const mlp = (c: LlamaConfig, p: ModelWeights, at: string, x: Tensor): Tensor => {
  const gate = c.activation(linear(p, `${at}.gate_proj`, x));
  return linear(p, `${at}.down_proj`, tf.mul(gate, linear(p, `${at}.up_proj`, x)));
};

/** x + attention(norm x), then + mlp(norm x). */
const block = (c: LlamaConfig, p: ModelWeights, layer: number, x: Tensor, shared: Shared): Tensor => {
  const at = `model.layers.${layer}`;
  const normed = rmsNorm(p, `${at}.input_layernorm`, x, c.epsilon);
  const h = tf.add(x, selfAttention(c, p, `${at}.self_attn`, normed, shared, layer));
  return tf.add(h, mlp(c, p, `${at}.mlp`, rmsNorm(p, `${at}.post_attention_layernorm`, h, c.epsilon)));
};

const forward = (c: LlamaConfig, p: ModelWeights, inputs: Inputs): Tensor => {
  const shared = sharedOf(c, inputs);
  const layers = Array.from({ length: c.layers }, (_, layer) => layer);
  const x = layers.reduce(
    (h, layer) => block(c, p, layer, h, shared),
    embedding(p, 'model.embed_tokens', inputs.inputIds, { padding: c.padding }),
  );
  const tie = c.tied ? { tiedTo: 'model.embed_tokens.weight' } : {};
  return linear(p, 'lm_head', rmsNorm(p, 'model.norm', x, c.epsilon), tie);
};

/** Llama, Mistral, Qwen2 and Qwen3. */
export const llama: Model<LlamaConfig> = { modelTypes: llamaTypes, decode: decodeLlamaConfig, forward };
