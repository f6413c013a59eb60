/**
 * GPT-2 with a language-model head.
 */
import * as t from 'io-ts';
import type { ModelWeights } from '../adapters/attached.js';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import { tensorOf } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { fail, type Result } from '../problem.js';
import { extend, throughLayers, type LayerCache } from './cache.js';
import { activationOf, configField, orDefault, positive, size, struct, type Config } from './config.js';
import { frameOf, lastTokens, type Frame } from './frame.js';
import { geometryOf } from './geometry.js';
import { asHeads, attention, swapHeads } from './layers/attention.js';
import { embedding } from './layers/embedding.js';
import { languageHead } from './layers/head.js';
import { conv1D } from './layers/linear.js';
import { layerNorm } from './layers/norm.js';
import { promptAttention } from './layers/prompt-attention.js';
import { shadowPath } from './layers/shadow.js';
import type { Inputs, Model, States } from './model.js';

/** What the forward pass needs; `n_inner` shows in the weights. */
export interface Gpt2Config {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** Number of learned positions. */
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: (x: Tensor) => Tensor;
  /** Factor of the attention scores of a layer. */
  readonly scale: (layer: number) => number;
  readonly tied: boolean;
}

const fields = t.type({
  n_embd: orDefault(size, 768),
  n_layer: orDefault(size, 12),
  n_head: orDefault(size, 12),
  n_positions: orDefault(size, 1024),
  activation_function: orDefault(t.string, 'gelu_new'),
  layer_norm_epsilon: orDefault(positive, 1e-5),
  scale_attn_weights: orDefault(t.boolean, true),
  scale_attn_by_inverse_layer_idx: orDefault(t.boolean, false),
  tie_word_embeddings: orDefault(t.boolean, true),
});

type Fields = t.TypeOf<typeof fields>;

const headDimOf = ({ n_embd, n_head }: Fields): Result<number> =>
  n_embd % n_head === 0
    ? E.right(n_embd / n_head)
    : fail(configField('n_embd'), `a multiple of ${n_head} heads`, `${n_embd}`);

const check = (f: Fields): Result<Gpt2Config> =>
  F.pipe(
    struct({ headDim: headDimOf(f), activation: activationOf('activation_function', f.activation_function) }),
    E.map(({ headDim, activation }) => ({
      layers: f.n_layer,
      heads: f.n_head,
      headDim,
      positions: f.n_positions,
      epsilon: f.layer_norm_epsilon,
      activation,
      scale: (layer) =>
        (f.scale_attn_weights ? headDim ** -0.5 : 1) / (f.scale_attn_by_inverse_layer_idx ? layer + 1 : 1),
      tied: f.tie_word_embeddings,
    })),
  );

const EMBEDDING = 'transformer.wte';

/** One layer of the model as it computes: its number, its mask, and the past that it sees. */
interface Layer {
  readonly index: number;
  readonly mask: Tensor | undefined;
  readonly past: LayerCache | undefined;
}

/** c_proj(attention(q, [past; k], [past; v])) with its keys and values, where c_attn x = [q, k, v]; x [B, T, D]. */
const selfAttention = (
  c: Gpt2Config,
  p: ModelWeights,
  at: string,
  x: Tensor,
  { index, mask, past }: Layer,
): readonly [Tensor, LayerCache] => {
  const project = (h: Tensor): { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor } => {
    const heads = tf.split(conv1D(p, `${at}.c_attn`, h), 3, -1).map((part) => swapHeads(asHeads(part, c.heads)));
    const [q, k, v] = heads as [Tensor, Tensor, Tensor];
    return { q, k, v };
  };
  const { q, k, v } = project(x);
  const cache = extend(past, { k, v });
  const y = conv1D(p, `${at}.c_proj`, attention(q, cache.k, cache.v, { scale: c.scale(index), mask }));
  // PEFT leaves out the output projection here
  const prompted = promptAttention(p, at, q, project);
  return [prompted === undefined ? y : tf.add(y, prompted), cache];
};

/** x + attention(norm x), then + mlp(norm x). */
const block = (c: Gpt2Config, p: ModelWeights, x: Tensor, layer: Layer): readonly [Tensor, LayerCache] => {
  const at = `transformer.h.${layer.index}`;
  const [y, cache] = selfAttention(c, p, `${at}.attn`, layerNorm(p, `${at}.ln_1`, x, c.epsilon), layer);
  const h = tf.add(x, y);
  const inner = c.activation(conv1D(p, `${at}.mlp.c_fc`, layerNorm(p, `${at}.ln_2`, h, c.epsilon)));
  return [tf.add(h, conv1D(p, `${at}.mlp.c_proj`, inner)), cache];
};

/** Learned positions, [B or 1, T, D]. */
const positionsAt = (p: ModelWeights, { positions, shape: [, T] }: Frame): Tensor =>
  embedding(p, 'transformer.wpe', tensorOf(Int32Array.from(positions.flat()), [positions.length, T]));

const head = (c: Gpt2Config, p: ModelWeights, hidden: Tensor): Tensor =>
  languageHead(p, hidden, c.tied ? EMBEDDING : undefined);

const states = (c: Gpt2Config, p: ModelWeights, inputs: Inputs): States => {
  const frame = frameOf(geometryOf(c), inputs);
  const mask = frame.mask();
  const tokens = inputs.inputsEmbeds ?? embedding(p, EMBEDDING, inputs.inputIds);
  const { x, cache } = throughLayers(
    {
      layers: c.layers,
      x: tf.add(tokens, positionsAt(p, frame)),
      reads: (index) => ({ p, mask, past: inputs.past?.[index] }),
      shadow: shadowPath(p, c.layers, (index) => `transformer.h.${index}`),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(c, read.p, h, { ...read, index }),
  );
  const hidden = layerNorm(p, 'transformer.ln_f', lastTokens(x, inputs.logitsToKeep), c.epsilon);
  return { hidden, cache, logits: () => head(c, p, hidden) };
};

/** GPT-2 (Radford et al., 2019). */
export const gpt2: Model<Gpt2Config> = {
  modelTypes: ['gpt2'],
  decode: (_, config: Config) => E.chain(check)(decodeWith(fields, config, 'config.json')),
  prepare: (c) => ({
    geometry: geometryOf(c),
    projections: ['lm_head.weight', ...(c.tied ? [`${EMBEDDING}.weight`] : [])],
    embed: (p, inputIds) => embedding(p, EMBEDDING, inputIds),
    head: (p, hidden) => head(c, p, hidden),
    states: (p, inputs) => states(c, p, inputs),
  }),
};
