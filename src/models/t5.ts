/**
 * T5 and mT5 with the heads of their classes.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import type { AnyModel } from './any-model.js';
import { ofClass, struct } from './config.js';
import type { EncoderInputs } from './encoder.js';
import type { Encoded, EncoderDecoderModel, SourceInputs } from './encoder-decoder.js';
import { frameOf, lastTokens, type Frame } from './frame.js';
import { linear } from './layers/linear.js';
import { paddingMask } from './layers/mask.js';
import { keysAndValues } from './layers/projected-attention.js';
import { languageModel, type Inputs, type LanguageModel, type Model, type States } from './model.js';
import { decodeT5Config, t5Types, type T5Config } from './t5-config.js';
import { embed, geometryOf, projectionsAt, SHARED, throughStack } from './t5-stack.js';

/** Hidden states of the encoder, and its mask of padding. */
const encode = (c: T5Config, p: ModelWeights, inputs: EncoderInputs) => {
  if (inputs.past !== undefined) throw new RangeError('past: expected none, because the encoder of T5 has no past');
  const frame = frameOf(geometryOf(c, 'encoder'), inputs);
  const { x } = throughStack(c, p, { stack: 'encoder', frame, inputs, source: undefined });
  return { x, mask: frame.tokens === undefined ? undefined : paddingMask(frame.tokens) };
};

const encodeFor = (c: T5Config, p: ModelWeights, inputs: SourceInputs): Encoded => {
  const { x, mask } = encode(c, p, inputs);
  const layers = Array.from({ length: c.decoderLayers }, (_, i) => `decoder.block.${i}.layer.1.EncDecAttention`);
  return { cross: layers.map((at) => keysAndValues(p, projectionsAt(at), x, c.heads)), mask };
};

/** What a class makes of the decoder's output [B, T, D]. */
type Head = (c: T5Config, p: ModelWeights, x: Tensor) => Tensor;

const languageHead: Head = (c, p, x) =>
  linear(p, 'lm_head', c.outputScale === 1 ? x : tf.mul(x, c.outputScale), { tiedTo: SHARED });

const decode = (c: T5Config, p: ModelWeights, head: Head, source: Encoded, inputs: Inputs): States => {
  const frame = frameOf(geometryOf(c, 'decoder'), inputs);
  checkBatch(source, frame);
  const { x, cache } = throughStack(c, p, { stack: 'decoder', frame, inputs, source });
  const hidden = lastTokens(x, inputs.logitsToKeep);
  return { hidden, cache, logits: () => head(c, p, hidden) };
};

const checkBatch = ({ cross }: Encoded, { shape: [B] }: Frame): void => {
  const read = cross[0]?.k.shape[0];
  if (read !== B) throw new RangeError(`decoderInputIds: expected ${read} sequences, as the encoder read, found ${B}`);
};

/** Linear layers that every new token goes through; the keys and values of the text are computed once. */
const decoderProjections = (c: T5Config): ReadonlyArray<string> => [
  ...Array.from({ length: c.decoderLayers }, (_, i) => {
    const at = (sublayer: number): string => `decoder.block.${i}.layer.${sublayer}`;
    const inner = c.gated ? ['wi_0', 'wi_1', 'wo'] : ['wi', 'wo'];
    return [
      ...['q', 'k', 'v', 'o'].map((name) => `${at(0)}.SelfAttention.${name}.weight`),
      ...['q', 'o'].map((name) => `${at(1)}.EncDecAttention.${name}.weight`),
      ...inner.map((name) => `${at(2)}.DenseReluDense.${name}.weight`),
    ];
  }).flat(),
  'lm_head.weight',
  SHARED,
];

const decoderOf = (c: T5Config, head: Head, source: Encoded): LanguageModel =>
  languageModel({
    geometry: geometryOf(c, 'decoder'),
    projections: decoderProjections(c),
    embed: (p, inputIds) => embed(p, 'decoder', inputIds),
    head: (p, hidden) => head(c, p, hidden),
    states: (p, inputs) => decode(c, p, head, source, inputs),
  });

const encoderDecoder = (c: T5Config, head: Head): EncoderDecoderModel => ({
  start: c.start,
  embed: (p, inputIds) => embed(p, 'encoder', inputIds),
  encode: (p, inputs) => encodeFor(c, p, inputs),
  decoder: (source) => decoderOf(c, head, source),
});

const withDecoder =
  (head: Head) =>
  (c: T5Config): AnyModel => ({ _tag: 'EncoderDecoder', model: encoderDecoder(c, head) });

const encoderAlone = (c: T5Config): AnyModel => ({
  _tag: 'Encoder',
  model: {
    geometry: geometryOf(c, 'encoder'),
    embed: (p, inputIds) => embed(p, 'encoder', inputIds),
    run: (p, inputs) => encode(c, p, inputs).x,
  },
});

type Class = (c: T5Config) => AnyModel;

const classes: ReadonlyMap<string, Class> = new Map(
  ['T5', 'MT5'].flatMap((family): ReadonlyArray<readonly [string, Class]> => [
    [`${family}Model`, withDecoder((_c, _p, x) => x)],
    [`${family}ForConditionalGeneration`, withDecoder(languageHead)],
    [`${family}EncoderModel`, encoderAlone],
  ]),
);

/** T5 (Raffel et al., arXiv 1910.10683) and mT5 (Xue et al., arXiv 2010.11934). */
export const t5: Model<{ readonly config: T5Config; readonly of: Class }, AnyModel> = {
  modelTypes: t5Types,
  decode: (modelType, config, className) =>
    struct<{ config: T5Config; of: Class }>({
      config: decodeT5Config(modelType, config),
      of: ofClass(classes, className),
    }),
  prepare: ({ config, of }) => of(config),
};
