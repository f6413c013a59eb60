/**
 * The layers of T5: one stack for the encoder and one for the decoder, which reads the encoder's output too.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { cacheLength, throughLayers, type Cache, type LayerCache } from './cache.js';
import type { Encoded } from './encoder-decoder.js';
import type { Frame } from './frame.js';
import { embedding } from './layers/embedding.js';
import { feedForward, gatedFeedForward } from './layers/feed-forward.js';
import { paddingMask } from './layers/mask.js';
import { rmsNorm } from './layers/norm.js';
import { attendTo, selfAttention, type AttentionOptions, type Projections } from './layers/projected-attention.js';
import { relativeBias } from './layers/relative-positions.js';
import type { Geometry, Inputs } from './model.js';
import type { T5Config } from './t5-config.js';

/** The embedding of both stacks and, where it has no weight of its own, of the head. */
export const SHARED = 'shared.weight';

/** Which half of the model. */
export type Stack = 'encoder' | 'decoder';

const layersOf = (c: T5Config, stack: Stack): number => (stack === 'encoder' ? c.encoderLayers : c.decoderLayers);

/** Sizes of a stack. */
export const geometryOf = (c: T5Config, stack: Stack): Geometry => ({
  layers: layersOf(c, stack),
  keyValueHeads: c.heads,
  headDim: c.headDim,
  positions: undefined,
});

/** The linear layers of an attention layer. */
export const projectionsAt = (at: string): Projections => ({ q: `${at}.q`, k: `${at}.k`, v: `${at}.v`, o: `${at}.o` });

/** Scores are not scaled: T5's start has it in the weights. */
const unscaled = (c: T5Config, mask: Tensor | undefined): AttentionOptions => ({ heads: c.heads, scale: 1, mask });

/** norm x before a sublayer, which stands at `at`. */
const normed = (c: T5Config, p: ModelWeights, at: string, x: Tensor): Tensor =>
  rmsNorm(p, `${at}.layer_norm`, x, c.epsilon);

const mlp = (c: T5Config, p: ModelWeights, at: string, x: Tensor): Tensor =>
  c.gated
    ? gatedFeedForward(p, { gate: `${at}.wi_0`, up: `${at}.wi_1`, down: `${at}.wo` }, c.activation, x)
    : feedForward(p, { up: `${at}.wi`, down: `${at}.wo` }, c.activation, x);

/** One layer of a stack as it computes: its path, the mask and bias of all layers, and the past that it sees. */
interface Layer {
  readonly at: string;
  readonly mask: Tensor;
  readonly past: LayerCache | undefined;
  /** What the decoder sees of the encoder. */
  readonly source: { readonly cache: LayerCache; readonly mask: Tensor | undefined } | undefined;
}

/** x + attention(norm x), then + attention(norm x, source) in the decoder, then + mlp(norm x). */
const block = (c: T5Config, p: ModelWeights, x: Tensor, layer: Layer): readonly [Tensor, LayerCache] => {
  const { mask, past, source } = layer;
  const at = (sublayer: number): string => `${layer.at}.layer.${sublayer}`;
  const self = projectionsAt(`${at(0)}.SelfAttention`);
  const [y, cache] = selfAttention(p, self, normed(c, p, at(0), x), past, unscaled(c, mask));
  const h = tf.add(x, y);
  const cross = projectionsAt(`${at(1)}.EncDecAttention`);
  const seen =
    source === undefined
      ? h
      : tf.add(h, attendTo(p, cross, normed(c, p, at(1), h), source.cache, unscaled(c, source.mask)));
  const last = at(source === undefined ? 1 : 2);
  return [tf.add(seen, mlp(c, p, `${last}.DenseReluDense`, normed(c, p, last, seen))), cache];
};

/** Embeddings of token ids in a stack, [B, T, D]. */
export const embed = (p: ModelWeights, stack: Stack, inputIds: Tensor): Tensor =>
  embedding(p, `${stack}.embed_tokens`, inputIds, { tiedTo: SHARED });

/** What a stack reads and sees. */
export interface Reading {
  readonly stack: Stack;
  readonly frame: Frame;
  readonly inputs: Inputs;
  readonly source: Encoded | undefined;
}

/** The additive mask of a stack with its relative positions, which only the first layer has weights for; [B or 1, H, T, P + T]. */
const biased = (c: T5Config, p: ModelWeights, { stack, frame }: Reading, past: Cache | undefined): Tensor => {
  const [, T] = frame.shape;
  const keys = cacheLength(past) + T;
  const bidirectional = stack === 'encoder';
  const bias = relativeBias(
    p,
    `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias`,
    { queries: T, keys },
    { ...c.buckets, bidirectional },
  );
  const padding = frame.tokens === undefined ? undefined : paddingMask(frame.tokens);
  const mask = bidirectional ? padding : frame.mask();
  return mask === undefined ? bias : tf.add(bias, mask);
};

/** norm(layers(embeddings)), [B, T, D], with the keys and values of every layer. */
export const throughStack = (
  c: T5Config,
  p: ModelWeights,
  r: Reading,
): { readonly x: Tensor; readonly cache: Cache } => {
  const { stack, inputs, source } = r;
  const mask = biased(c, p, r, inputs.past);
  const { x, cache } = throughLayers(
    {
      layers: layersOf(c, stack),
      x: inputs.inputsEmbeds ?? embed(p, stack, inputs.inputIds),
      reads: (index) => ({
        p,
        mask,
        past: inputs.past?.[index],
        source: source && { cache: source.cross[index] as LayerCache, mask: source.mask },
      }),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(c, read.p, h, { ...read, at: `${stack}.block.${index}` }),
  );
  return { x: rmsNorm(p, `${stack}.final_layer_norm`, x, c.epsilon), cache };
};
