/**
 * BERT with the heads of its classes.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { tensorOf } from '../ops/backend.js';
import { showShape, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { decodeBertConfig, type BertConfig } from './bert-config.js';
import { throughLayers, type LayerCache } from './cache.js';
import { ofClass, struct } from './config.js';
import type { EncoderInputs, EncoderModel } from './encoder.js';
import { frameOf, type Frame } from './frame.js';
import { geometryOf } from './geometry.js';
import { embedding } from './layers/embedding.js';
import { feedForward } from './layers/feed-forward.js';
import { linear } from './layers/linear.js';
import { paddingMask } from './layers/mask.js';
import { layerNorm } from './layers/norm.js';
import { selfAttention } from './layers/projected-attention.js';
import type { Model } from './model.js';

/** A class: where its encoder is, and what it computes of the hidden states h [B, T, D]. */
interface Head {
  readonly base: string;
  readonly read: (c: BertConfig, p: ModelWeights, h: Tensor) => Tensor;
}

const BASE = 'bert.';

/** tanh(W h_0 + b) of the first token, [B, D]. */
const pooled = (p: ModelWeights, h: Tensor): Tensor => {
  const [B, , D] = h.shape as [number, number, number];
  return tf.tanh(linear(p, `${BASE}pooler.dense`, tf.reshape(tf.slice(h, [0, 0, 0], [B, 1, D]), [B, D])));
};

/** Logits of the vocabulary for every token, [B, T, V]. */
const maskedLanguage = (c: BertConfig, p: ModelWeights, h: Tensor): Tensor => {
  const inner = c.activation(linear(p, 'cls.predictions.transform.dense', h));
  return linear(p, 'cls.predictions.decoder', layerNorm(p, 'cls.predictions.transform.LayerNorm', inner, c.epsilon), {
    ...(c.tied ? { tiedTo: `${BASE}embeddings.word_embeddings.weight` } : {}),
    biasTiedTo: 'cls.predictions.bias',
  });
};

const heads: ReadonlyMap<string, Head> = new Map<string, Head>([
  ['BertModel', { base: '', read: (_c, _p, h) => h }],
  ['BertForMaskedLM', { base: BASE, read: maskedLanguage }],
  [
    'BertForNextSentencePrediction',
    { base: BASE, read: (_c, p, h) => linear(p, 'cls.seq_relationship', pooled(p, h)) },
  ],
  ['BertForQuestionAnswering', { base: BASE, read: (_c, p, h) => linear(p, 'qa_outputs', h) }],
  ['BertForSequenceClassification', { base: BASE, read: (_c, p, h) => linear(p, 'classifier', pooled(p, h)) }],
  ['BertForTokenClassification', { base: BASE, read: (_c, p, h) => linear(p, 'classifier', h) }],
]);

/** A configuration and the class that reads it. */
interface Bert {
  readonly config: BertConfig;
  readonly head: Head;
}

/** One layer of the model as it computes: its number, the mask of all layers, and the past that it sees. */
interface Layer {
  readonly index: number;
  readonly mask: Tensor | undefined;
  readonly past: LayerCache | undefined;
}

/** norm(x + attention(x)), then norm(h + mlp(h)). */
const block = (
  { config: c, head }: Bert,
  p: ModelWeights,
  x: Tensor,
  { index, mask, past }: Layer,
): readonly [Tensor, LayerCache] => {
  const at = `${head.base}encoder.layer.${index}`;
  const self = `${at}.attention.self`;
  const names = { q: `${self}.query`, k: `${self}.key`, v: `${self}.value`, o: `${at}.attention.output.dense` };
  const [y, cache] = selfAttention(p, names, x, past, { heads: c.heads, scale: c.headDim ** -0.5, mask });
  const h = layerNorm(p, `${at}.attention.output.LayerNorm`, tf.add(x, y), c.epsilon);
  const inner = feedForward(p, { up: `${at}.intermediate.dense`, down: `${at}.output.dense` }, c.activation, h);
  return [layerNorm(p, `${at}.output.LayerNorm`, tf.add(h, inner), c.epsilon), cache];
};

const embed = ({ config: c, head }: Bert, p: ModelWeights, inputIds: Tensor): Tensor =>
  embedding(p, `${head.base}embeddings.word_embeddings`, inputIds, { padding: c.padding });

/** The sentence of each token, int32 [B or 1, T]. */
const typesOf = ({ tokenTypeIds }: EncoderInputs, [B, T]: Frame['shape']): Tensor => {
  if (tokenTypeIds === undefined) return tf.zeros([1, T], 'int32');
  if (showShape(tokenTypeIds.shape) !== showShape([B, T]))
    throw new RangeError(`tokenTypeIds: expected [${B}, ${T}], found ${showShape(tokenTypeIds.shape)}`);
  return tokenTypeIds;
};

/** norm(words + sentences + positions), [B, T, D]. */
const embeddings = (m: Bert, p: ModelWeights, inputs: EncoderInputs, { positions, shape }: Frame): Tensor => {
  const at = `${m.head.base}embeddings`;
  const words = inputs.inputsEmbeds ?? embed(m, p, inputs.inputIds);
  const typed = tf.add(words, embedding(p, `${at}.token_type_embeddings`, typesOf(inputs, shape)));
  const rows = tensorOf(Int32Array.from(positions.flat()), [positions.length, shape[1]]);
  const placed = tf.add(typed, embedding(p, `${at}.position_embeddings`, rows));
  return layerNorm(p, `${at}.LayerNorm`, placed, m.config.epsilon);
};

const run = (m: Bert, p: ModelWeights, inputs: EncoderInputs): Tensor => {
  const frame = frameOf(geometryOf(m.config), inputs);
  const mask = frame.tokens === undefined ? undefined : paddingMask(frame.tokens);
  const { x } = throughLayers(
    {
      layers: m.config.layers,
      x: embeddings(m, p, inputs, frame),
      reads: (index) => ({ p, mask, past: inputs.past?.[index] }),
      checkpoint: inputs.checkpoint ?? false,
    },
    (h, read, index) => block(m, read.p, h, { ...read, index }),
  );
  return m.head.read(m.config, p, x);
};

/** BERT (Devlin et al., arXiv 1810.04805). */
export const bert: Model<Bert, EncoderModel> = {
  modelTypes: ['bert'],
  decode: (_, config, className) => struct({ config: decodeBertConfig(config), head: ofClass(heads, className) }),
  prepare: (m) => ({
    geometry: geometryOf(m.config),
    embed: (p, inputIds) => embed(m, p, inputIds),
    run: (p, inputs) => run(m, p, inputs),
  }),
};
