/**
 * GPT-OSS with a language-model head: a Llama-like decoder with attention sinks and a mixture of experts.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { rotateHeads, type Rotation } from '../ops/rotate-heads.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { extend, throughLayers, type LayerCache } from './cache.js';
import { frameOf, lastTokens } from './frame.js';
import { geometryOf } from './geometry.js';
import { decodeGptOssConfig, type GptOssConfig } from './gpt-oss-config.js';
import { asHeads, attention, swapHeads } from './layers/attention.js';
import { embedding } from './layers/embedding.js';
import { mixtureOfExperts } from './layers/experts.js';
import { languageHead } from './layers/head.js';
import { linear } from './layers/linear.js';
import { rmsNorm } from './layers/norm.js';
import { parameter } from './layers/parameter.js';
import { rotationOf } from './layers/rotate.js';
import { shadowPath } from './layers/shadow.js';
import type { Inputs, Model, States } from './model.js';

const EMBEDDING = 'model.embed_tokens';

/** One layer of the model as it computes: its number, how heads turn, its mask, and the past that it sees. */
interface Layer {
  readonly index: number;
  readonly rotation: Rotation;
  readonly mask: Tensor | undefined;
  readonly past: LayerCache | undefined;
}

/** o(attention(rot(q x), [past; rot(k x)], [past; v x])) with sinks, and its keys and values; x [B, T, D]. */
const selfAttention = (
  c: GptOssConfig,
  p: ModelWeights,
  at: string,
  x: Tensor,
  { rotation, mask, past }: Layer,
): readonly [Tensor, LayerCache] => {
  const heads = (name: string, n: number): Tensor => asHeads(linear(p, `${at}.${name}_proj`, x), n);
  const cache = extend(past, { k: rotateHeads(heads('k', c.groups), rotation), v: swapHeads(heads('v', c.groups)) });
  const y = attention(rotateHeads(heads('q', c.heads), rotation), cache.k, cache.v, {
    scale: c.headDim ** -0.5,
    mask,
    sinks: parameter(p, `${at}.sinks`),
  });
  return [linear(p, `${at}.o_proj`, y), cache];
};

/** x + attention(norm x), then + experts(norm x). */
const block = (c: GptOssConfig, p: ModelWeights, x: Tensor, layer: Layer): readonly [Tensor, LayerCache] => {
  const at = `model.layers.${layer.index}`;
  const normed = rmsNorm(p, `${at}.input_layernorm`, x, c.epsilon);
  const [y, cache] = selfAttention(c, p, `${at}.self_attn`, normed, layer);
  const h = tf.add(x, y);
  const inner = rmsNorm(p, `${at}.post_attention_layernorm`, h, c.epsilon);
  return [tf.add(h, mixtureOfExperts(p, `${at}.mlp`, inner, c.expertsPerToken)), cache];
};

const embed = (c: GptOssConfig, p: ModelWeights, inputIds: Tensor): Tensor =>
  embedding(p, EMBEDDING, inputIds, { padding: c.padding });

const head = (c: GptOssConfig, p: ModelWeights, hidden: Tensor): Tensor =>
  languageHead(p, hidden, c.tied ? EMBEDDING : undefined);

const states = (c: GptOssConfig, p: ModelWeights, inputs: Inputs): States => {
  const frame = frameOf(geometryOf(c), inputs);
  const rotation = rotationOf(c.rope, frame.positions);
  const masks = new Map([...new Set(c.windows)].map((window) => [window, frame.mask(window)]));
  const embedded = inputs.inputsEmbeds ?? embed(c, p, inputs.inputIds);
  const { x, cache } = throughLayers(
    {
      layers: c.layers,
      x: embedded,
      reads: (index) => ({ p, rotation, mask: masks.get(c.windows[index]), past: inputs.past?.[index] }),
      shadow: shadowPath(p, c.layers, (index) => `model.layers.${index}`),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(c, read.p, h, { ...read, index }),
  );
  const hidden = rmsNorm(p, 'model.norm', lastTokens(x, inputs.logitsToKeep), c.epsilon);
  return { hidden, cache, logits: () => head(c, p, hidden) };
};

/** The experts are not among them: their stacked weights are stored as [in, out]. */
const projectionsOf = (c: GptOssConfig): ReadonlyArray<string> => [
  ...Array.from({ length: c.layers }, (_, i) =>
    ['q', 'k', 'v', 'o'].map((name) => `model.layers.${i}.self_attn.${name}_proj.weight`),
  ).flat(),
  'lm_head.weight',
  ...(c.tied ? [`${EMBEDDING}.weight`] : []),
];

/** GPT-OSS (OpenAI, arXiv 2508.10925). */
export const gptOss: Model<GptOssConfig> = {
  modelTypes: ['gpt_oss'],
  decode: (_, config) => decodeGptOssConfig(config),
  prepare: (c) => ({
    geometry: geometryOf(c),
    projections: projectionsOf(c),
    embed: (p, inputIds) => embed(c, p, inputIds),
    head: (p, hidden) => head(c, p, hidden),
    states: (p, inputs) => states(c, p, inputs),
  }),
};
