/**
 * Vision Transformer with the heads of its classes.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { scope } from '../ops/backend.js';
import { showShape, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { ofClass, struct } from './config.js';
import type { ImageModel } from './image.js';
import { convolution } from './layers/convolution.js';
import { feedForward } from './layers/feed-forward.js';
import { linear } from './layers/linear.js';
import { layerNorm } from './layers/norm.js';
import { parameter } from './layers/parameter.js';
import { selfAttention } from './layers/projected-attention.js';
import type { Model } from './model.js';
import type { ModuleSpec } from './spec.js';
import { decodeVitConfig, type VitConfig } from './vit-config.js';

/** A class: where its encoder is, and what it computes of the hidden states h [B, patches + 1, D]. */
interface Head {
  readonly base: string;
  readonly read: (p: ModelWeights, h: Tensor) => Tensor;
}

/** Logits of the class token, [B, labels]. */
const classify = (p: ModelWeights, h: Tensor): Tensor => {
  const [B, , D] = h.shape as [number, number, number];
  return linear(p, 'classifier', tf.reshape(tf.slice(h, [0, 0, 0], [B, 1, D]), [B, D]));
};

const heads: ReadonlyMap<string, Head> = new Map<string, Head>([
  ['ViTModel', { base: '', read: (_p, h) => h }],
  ['ViTForImageClassification', { base: 'vit.', read: classify }],
]);

/** A configuration and the class that reads it. */
interface Vit {
  readonly config: VitConfig;
  readonly head: Head;
}

/** The convolution that turns each patch into a token. */
const projection = ({ config: { patch }, head }: Vit): ModuleSpec => ({
  name: `${head.base}embeddings.patch_embeddings.projection`,
  kind: 'Conv2d',
  params: {},
  conv: { kernel: patch, stride: patch, padding: [0, 0], dilation: [1, 1], groups: 1 },
});

/** [class; patches] + positions, [B, patches + 1, D]. */
const embeddings = (m: Vit, p: ModelWeights, pixelValues: Tensor): Tensor => {
  const at = `${m.head.base}embeddings`;
  const y = convolution(p, projection(m), pixelValues);
  const [B, D, h, w] = y.shape as [number, number, number, number];
  const patches = tf.transpose(tf.reshape(y, [B, D, h * w]), [0, 2, 1]);
  const first = tf.add(tf.zeros([B, 1, D]), parameter(p, `${at}.cls_token`));
  return tf.add(tf.concat([first, patches], 1), parameter(p, `${at}.position_embeddings`));
};

/** x + attention(norm x), then + mlp(norm x). */
const block = ({ config: c, head }: Vit, p: ModelWeights, x: Tensor, index: number): Tensor => {
  const at = `${head.base}layers.${index}`;
  const self = `${at}.attention`;
  const names = { q: `${self}.q_proj`, k: `${self}.k_proj`, v: `${self}.v_proj`, o: `${self}.o_proj` };
  const options = { heads: c.heads, scale: c.headDim ** -0.5, mask: undefined };
  const [y] = selfAttention(p, names, layerNorm(p, `${at}.layernorm_before`, x, c.epsilon), undefined, options);
  const h = tf.add(x, y);
  const normed = layerNorm(p, `${at}.layernorm_after`, h, c.epsilon);
  return tf.add(h, feedForward(p, { up: `${at}.mlp.fc1`, down: `${at}.mlp.fc2` }, c.activation, normed));
};

const checkPixels = ({ channels, image }: VitConfig, { rank, shape }: Tensor): void => {
  const wanted = [shape[0] ?? 0, channels, ...image];
  if (rank !== 4 || showShape(shape) !== showShape(wanted))
    throw new RangeError(`pixelValues: expected [B, ${[channels, ...image].join(', ')}], found ${showShape(shape)}`);
};

const run = (m: Vit, p: ModelWeights, pixelValues: Tensor): Tensor => {
  checkPixels(m.config, pixelValues);
  const layers = Array.from({ length: m.config.layers }, (_, index) => index);
  const x = layers.reduce((h, index) => scope(() => block(m, p, h, index)), embeddings(m, p, pixelValues));
  return m.head.read(p, layerNorm(p, `${m.head.base}layernorm`, x, m.config.epsilon));
};

/** Vision Transformer (Dosovitskiy et al., arXiv 2010.11929). */
export const vit: Model<Vit, ImageModel> = {
  modelTypes: ['vit'],
  decode: (_, config, className) => struct({ config: decodeVitConfig(config), head: ofClass(heads, className) }),
  prepare: (m) => {
    const { channels, image } = m.config;
    return {
      image: { channels, height: image[0], width: image[1] },
      run: (p, { pixelValues }) => run(m, p, pixelValues),
    };
  },
};
