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
import { activationOf, configField, orDefault, positive, size, struct, type Config } from './config.js';
import { asHeads, attention, swapHeads } from './layers/attention.js';
import { embedding } from './layers/embedding.js';
import { conv1D, linear } from './layers/linear.js';
import { causalMask } from './layers/mask.js';
import { layerNorm } from './layers/norm.js';
import { positionsOf, type Inputs, type Model } from './model.js';

/** What the forward pass needs; `n_inner` shows in the weights. */
export interface Gpt2Config {
  readonly layers: number;
  readonly heads: number;
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
      positions: f.n_positions,
      epsilon: f.layer_norm_epsilon,
      activation,
      scale: (layer) =>
        (f.scale_attn_weights ? headDim ** -0.5 : 1) / (f.scale_attn_by_inverse_layer_idx ? layer + 1 : 1),
      tied: f.tie_word_embeddings,
    })),
  );

/** c_proj(attention(q, k, v)), where c_attn x = [q, k, v]; x [B, T, D]. */
const selfAttention = (c: Gpt2Config, p: ModelWeights, at: string, x: Tensor, mask: Tensor, layer: number): Tensor => {
  const [q, k, v] = tf.split(conv1D(p, `${at}.c_attn`, x), 3, -1).map((h) => swapHeads(asHeads(h, c.heads)));
  return conv1D(p, `${at}.c_proj`, attention(q as Tensor, k as Tensor, v as Tensor, { scale: c.scale(layer), mask }));
};

/** x + attention(norm x), then + mlp(norm x). */
const block = (c: Gpt2Config, p: ModelWeights, layer: number, x: Tensor, mask: Tensor): Tensor => {
  const at = `transformer.h.${layer}`;
  const h = tf.add(x, selfAttention(c, p, `${at}.attn`, layerNorm(p, `${at}.ln_1`, x, c.epsilon), mask, layer));
  const inner = c.activation(conv1D(p, `${at}.mlp.c_fc`, layerNorm(p, `${at}.ln_2`, h, c.epsilon)));
  return tf.add(h, conv1D(p, `${at}.mlp.c_proj`, inner));
};

/** Token embeddings plus learned positions, [B, T, D]. */
const embed = (c: Gpt2Config, p: ModelWeights, inputs: Inputs): Tensor => {
  const rows = positionsOf(inputs);
  const flat = rows.flat();
  if (flat.some((i) => i >= c.positions)) throw new RangeError(`positionIds: expected positions below ${c.positions}`);
  const ids = tensorOf(Int32Array.from(flat), [rows.length, inputs.inputIds.shape[1] as number]);
  return tf.add(embedding(p, 'transformer.wte', inputs.inputIds), embedding(p, 'transformer.wpe', ids));
};

const forward = (c: Gpt2Config, p: ModelWeights, inputs: Inputs): Tensor => {
  const embedded = embed(c, p, inputs);
  const keys = inputs.inputIds.shape[1] as number;
  const mask = causalMask({ queries: keys, keys, padding: inputs.attentionMask });
  const layers = Array.from({ length: c.layers }, (_, layer) => layer);
  const x = layers.reduce((h, layer) => block(c, p, layer, h, mask), embedded);
  const tie = c.tied ? { tiedTo: 'transformer.wte.weight' } : {};
  return linear(p, 'lm_head', layerNorm(p, 'transformer.ln_f', x, c.epsilon), tie);
};

/** GPT-2 (Radford et al., 2019). */
export const gpt2: Model<Gpt2Config> = {
  modelTypes: ['gpt2'],
  decode: (_, config: Config) => E.chain(check)(decodeWith(fields, config, 'config.json')),
  forward,
};
