/**
 * OPT with a language-model head.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { tensorOf } from '../ops/backend.js';
import { layerNorm as plainLayerNorm } from '../ops/norm.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { throughLayers, type LayerCache } from './cache.js';
import { frameOf, lastTokens, type Frame } from './frame.js';
import { geometryOf } from './geometry.js';
import { embedding } from './layers/embedding.js';
import { feedForward } from './layers/feed-forward.js';
import { languageHead } from './layers/head.js';
import { linear } from './layers/linear.js';
import { layerNorm } from './layers/norm.js';
import { selfAttention } from './layers/projected-attention.js';
import { shadowPath } from './layers/shadow.js';
import type { Inputs, Model, States } from './model.js';
import { decodeOptConfig, type OptConfig } from './opt-config.js';

const DECODER = 'model.decoder';
const EMBEDDING = `${DECODER}.embed_tokens`;

/** Row of position 0: the table starts with that of padding, which is at position -1, and one that nothing reads. */
const FIRST = 2;

const EPSILON = 1e-5;

const normalize = (c: OptConfig, p: ModelWeights, module: string, x: Tensor): Tensor =>
  c.affine ? layerNorm(p, module, x, EPSILON) : plainLayerNorm(x, undefined, undefined, EPSILON);

/** One layer of the model as it computes: its number, its mask, and the past that it sees. */
interface Layer {
  readonly index: number;
  readonly mask: Tensor | undefined;
  readonly past: LayerCache | undefined;
}

/** Attention to the past and to itself, with its keys and values; x [B, T, D]. */
const attend = (
  c: OptConfig,
  p: ModelWeights,
  at: string,
  x: Tensor,
  { mask, past }: Layer,
): readonly [Tensor, LayerCache] => {
  const names = { q: `${at}.q_proj`, k: `${at}.k_proj`, v: `${at}.v_proj`, o: `${at}.out_proj` };
  return selfAttention(p, names, x, past, { heads: c.heads, scale: c.headDim ** -0.5, mask });
};

/** x + f(norm x), or norm(x + f(x)), for f the attention and then fc2(act(fc1 h)). */
const block = (c: OptConfig, p: ModelWeights, x: Tensor, layer: Layer): readonly [Tensor, LayerCache] => {
  const at = `${DECODER}.layers.${layer.index}`;
  const norm = (here: boolean, name: string, h: Tensor): Tensor => (here ? normalize(c, p, `${at}.${name}`, h) : h);
  const [y, cache] = attend(c, p, `${at}.self_attn`, norm(c.normFirst, 'self_attn_layer_norm', x), layer);
  const h = norm(!c.normFirst, 'self_attn_layer_norm', tf.add(x, y));
  const names = { up: `${at}.fc1`, down: `${at}.fc2` };
  const inner = feedForward(p, names, c.activation, norm(c.normFirst, 'final_layer_norm', h));
  return [norm(!c.normFirst, 'final_layer_norm', tf.add(h, inner)), cache];
};

/** Rows of the position table, int32 [B or 1, T]: given positions, or the number of tokens before by the mask; padding is at -1. */
const positionRows = ({ positions, shape: [B, T], tokens }: Frame, inputs: Inputs): Tensor => {
  if (inputs.positionIds !== undefined || tokens === undefined)
    return tensorOf(
      Int32Array.from(positions.flat(), (i) => i + FIRST),
      [positions.length, T],
    );
  const before = tf.mul(tf.cumsum(tokens, 1), tokens);
  const past = (tokens.shape[1] as number) - T;
  return tf.cast(tf.add(tf.slice(before, [0, past], [B, T]), FIRST - 1), 'int32');
};

const embed = (c: OptConfig, p: ModelWeights, inputIds: Tensor): Tensor =>
  embedding(p, EMBEDDING, inputIds, { padding: c.padding });

const head = (c: OptConfig, p: ModelWeights, hidden: Tensor): Tensor =>
  languageHead(p, hidden, c.tied ? EMBEDDING : undefined);

const states = (c: OptConfig, p: ModelWeights, inputs: Inputs): States => {
  const frame = frameOf(geometryOf(c), inputs);
  const mask = frame.mask();
  const project = (name: 'project_in' | 'project_out', h: Tensor): Tensor =>
    c.projected ? linear(p, `${DECODER}.${name}`, h) : h;
  const tokens = project('project_in', inputs.inputsEmbeds ?? embed(c, p, inputs.inputIds));
  const positions = embedding(p, `${DECODER}.embed_positions`, positionRows(frame, inputs));
  const { x, cache } = throughLayers(
    {
      layers: c.layers,
      x: tf.add(tokens, positions),
      reads: (index) => ({ p, mask, past: inputs.past?.[index] }),
      shadow: shadowPath(p, c.layers, (index) => `${DECODER}.layers.${index}`),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(c, read.p, h, { ...read, index }),
  );
  const last = lastTokens(x, inputs.logitsToKeep);
  const normed = c.finalNorm ? normalize(c, p, `${DECODER}.final_layer_norm`, last) : last;
  const hidden = project('project_out', normed);
  return { hidden, cache, logits: () => head(c, p, hidden) };
};

const inLayer = ['q_proj', 'k_proj', 'v_proj', 'out_proj'].map((name) => `self_attn.${name}`).concat('fc1', 'fc2');

const projectionsOf = (c: OptConfig): ReadonlyArray<string> => [
  ...Array.from({ length: c.layers }, (_, i) => inLayer.map((name) => `${DECODER}.layers.${i}.${name}.weight`)).flat(),
  ...(c.projected ? [`${DECODER}.project_in.weight`, `${DECODER}.project_out.weight`] : []),
  'lm_head.weight',
  ...(c.tied ? [`${EMBEDDING}.weight`] : []),
];

/** OPT (Zhang et al., arXiv 2205.01068). */
export const opt: Model<OptConfig> = {
  modelTypes: ['opt'],
  decode: (_, config) => decodeOptConfig(config),
  prepare: (c) => ({
    geometry: geometryOf(c),
    projections: projectionsOf(c),
    embed: (p, inputIds) => embed(c, p, inputIds),
    head: (p, hidden) => head(c, p, hidden),
    states: (p, inputs) => states(c, p, inputs),
  }),
};
