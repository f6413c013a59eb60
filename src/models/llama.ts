/**
 * The Llama family: Llama, Mistral, Qwen2 and Qwen3 with a language-model head.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { rotateHeads, type Rotation } from '../ops/rotate-heads.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { extend, throughLayers, type LayerCache } from './cache.js';
import { frameOf, lastTokens } from './frame.js';
import { geometryOf } from './geometry.js';
import { asHeads, attention, swapHeads } from './layers/attention.js';
import { embedding } from './layers/embedding.js';
import { gatedFeedForward } from './layers/feed-forward.js';
import { languageHead } from './layers/head.js';
import { linear } from './layers/linear.js';
import { rmsNorm } from './layers/norm.js';
import { promptAttention } from './layers/prompt-attention.js';
import { rotationOf } from './layers/rotate.js';
import { shadowPath } from './layers/shadow.js';
import { decodeLlamaConfig, llamaTypes, type LlamaConfig } from './llama-config.js';
import type { Inputs, Model, States } from './model.js';

const EMBEDDING = 'model.embed_tokens';

/** What all layers share: how heads turn with position, and the mask of each distinct window. */
interface Shared {
  readonly rotation: Rotation;
  readonly masks: ReadonlyMap<number | undefined, Tensor | undefined>;
}

const sharedOf = (c: LlamaConfig, inputs: Inputs): Shared => {
  const frame = frameOf(geometryOf(c), inputs);
  return {
    rotation: rotationOf(c.rope, frame.positions),
    masks: new Map([...new Set(c.windows)].map((window) => [window, frame.mask(window)])),
  };
};

/** One layer of the model as it computes: its number, what it shares with the others, and the past that it sees. */
interface Layer {
  readonly index: number;
  readonly shared: Shared;
  readonly past: LayerCache | undefined;
}

/** o(attention(rot(q x), [past; rot(k x)], [past; v x])) with its keys and values; x [B, T, D]. */
const selfAttention = (
  c: LlamaConfig,
  p: ModelWeights,
  at: string,
  x: Tensor,
  { index, shared, past }: Layer,
): readonly [Tensor, LayerCache] => {
  const project = (name: string, heads: number): Tensor => asHeads(linear(p, `${at}.${name}_proj`, x), heads);
  const turned = (name: 'q' | 'k', heads: number): Tensor => {
    const h = project(name, heads);
    const normalized = c.normalizedHeads ? rmsNorm(p, `${at}.${name}_norm`, h, c.epsilon) : h;
    return rotateHeads(normalized, shared.rotation);
  };
  const cache = extend(past, { k: turned('k', c.groups), v: swapHeads(project('v', c.groups)) });
  const mask = shared.masks.get(c.windows[index]);
  const q = turned('q', c.heads);
  const y = attention(q, cache.k, cache.v, { scale: c.headDim ** -0.5, mask });
  const output = (h: Tensor): Tensor => linear(p, `${at}.o_proj`, h);
  const prompted = promptAttention(p, at, q, (tokens) => {
    const heads = (name: string): Tensor => swapHeads(asHeads(linear(p, `${at}.${name}_proj`, tokens), c.groups));
    return { k: heads('k'), v: heads('v') };
  });
  // the projection of its own, bias and all, as the paper's code has it
  return [prompted === undefined ? output(y) : tf.add(output(y), output(prompted)), cache];
};

/** The gated feed-forward layer. */
const mlp = (c: LlamaConfig, p: ModelWeights, at: string, x: Tensor): Tensor =>
  gatedFeedForward(p, { gate: `${at}.gate_proj`, up: `${at}.up_proj`, down: `${at}.down_proj` }, c.activation, x);

/** x + attention(norm x), then + mlp(norm x). */
const block = (c: LlamaConfig, p: ModelWeights, x: Tensor, layer: Layer): readonly [Tensor, LayerCache] => {
  const at = `model.layers.${layer.index}`;
  const normed = rmsNorm(p, `${at}.input_layernorm`, x, c.epsilon);
  const [y, cache] = selfAttention(c, p, `${at}.self_attn`, normed, layer);
  const h = tf.add(x, y);
  return [tf.add(h, mlp(c, p, `${at}.mlp`, rmsNorm(p, `${at}.post_attention_layernorm`, h, c.epsilon))), cache];
};

const embed = (c: LlamaConfig, p: ModelWeights, inputIds: Tensor): Tensor =>
  embedding(p, EMBEDDING, inputIds, { padding: c.padding });

const head = (c: LlamaConfig, p: ModelWeights, hidden: Tensor): Tensor =>
  languageHead(p, hidden, c.tied ? EMBEDDING : undefined);

const states = (c: LlamaConfig, p: ModelWeights, inputs: Inputs): States => {
  const shared = sharedOf(c, inputs);
  const embedded = inputs.inputsEmbeds ?? embed(c, p, inputs.inputIds);
  const { x, cache } = throughLayers(
    {
      layers: c.layers,
      x: embedded,
      reads: (index) => ({ p, shared, past: inputs.past?.[index] }),
      shadow: shadowPath(p, c.layers, (index) => `model.layers.${index}`),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(c, read.p, h, { ...read, index }),
  );
  const hidden = rmsNorm(p, 'model.norm', lastTokens(x, inputs.logitsToKeep), c.epsilon);
  return { hidden, cache, logits: () => head(c, p, hidden) };
};

const inLayer = ['q', 'k', 'v', 'o']
  .map((name) => `self_attn.${name}_proj.weight`)
  .concat(['gate', 'up', 'down'].map((name) => `mlp.${name}_proj.weight`));

const projectionsOf = (c: LlamaConfig): ReadonlyArray<string> => [
  ...Array.from({ length: c.layers }, (_, i) => inLayer.map((name) => `model.layers.${i}.${name}`)).flat(),
  'lm_head.weight',
  ...(c.tied ? [`${EMBEDDING}.weight`] : []),
];

/** Llama, Mistral, Qwen2 and Qwen3. */
export const llama: Model<LlamaConfig> = {
  modelTypes: llamaTypes,
  decode: decodeLlamaConfig,
  prepare: (c) => ({
    geometry: geometryOf(c),
    projections: projectionsOf(c),
    embed: (p, inputIds) => embed(c, p, inputIds),
    head: (p, hidden) => head(c, p, hidden),
    states: (p, inputs) => states(c, p, inputs),
  }),
};
