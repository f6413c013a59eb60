/**
 * config.json of T5 and mT5, with transformers' defaults of each.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import type { Activation } from '../ops/activation.js';
import { fail, type Result } from '../problem.js';
import {
  activationOf,
  configField,
  count,
  optional,
  orDefault,
  positive,
  size,
  struct,
  type Config,
} from './config.js';
import type { Buckets } from './layers/relative-positions.js';

/** What the forward pass needs. */
export interface T5Config {
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly activation: Activation;
  /** The feed-forward layers have a gate. */
  readonly gated: boolean;
  readonly buckets: Pick<Buckets, 'count' | 'maxDistance'>;
  /** Factor of the decoder's output before the head: d^-1/2, or 1. */
  readonly outputScale: number;
  /** The token that starts the decoder's text. */
  readonly start: number | undefined;
}

/** Where the types differ. */
interface Defaults {
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: string;
  /** Outputs are scaled unless config.json says otherwise. */
  readonly scaled: boolean;
  readonly start: number | undefined;
}

const defaults: ReadonlyMap<string, Defaults> = new Map([
  ['t5', { layers: 6, heads: 8, feedForward: 'relu', scaled: true, start: undefined }],
  ['mt5', { layers: 8, heads: 6, feedForward: 'gated-gelu', scaled: false, start: 0 }],
]);

/** The `model_type`s that are read. */
export const t5Types: ReadonlyArray<string> = [...defaults.keys()];

const fieldsOf = (d: Defaults) =>
  t.type({
    d_model: orDefault(size, 512),
    d_kv: orDefault(size, 64),
    num_layers: orDefault(size, d.layers),
    num_decoder_layers: optional(size),
    num_heads: orDefault(size, d.heads),
    relative_attention_num_buckets: orDefault(size, 32),
    relative_attention_max_distance: orDefault(size, 128),
    layer_norm_epsilon: orDefault(positive, 1e-6),
    feed_forward_proj: orDefault(t.string, d.feedForward),
    tie_word_embeddings: orDefault(t.boolean, true),
    scale_decoder_outputs: optional(t.boolean),
    decoder_start_token_id: orDefault(count, d.start),
  });

type Fields = t.TypeOf<ReturnType<typeof fieldsOf>>;

const FEED_FORWARD = 'feed_forward_proj';

/** "act", or "gated-act", where "gated-gelu" means the approximation by tanh. */
const feedForwardOf = ({ feed_forward_proj: name }: Fields): Result<Pick<T5Config, 'activation' | 'gated'>> => {
  const gated = name.startsWith('gated-');
  const act = name === 'gated-gelu' ? 'gelu_new' : name.slice(gated ? 'gated-'.length : 0);
  return E.map((activation: Activation) => ({ activation, gated }))(activationOf(FEED_FORWARD, act));
};

/** Each direction has at least one bucket for exact distances, and distances beyond those. */
const bucketsOf = (f: Fields): Result<T5Config['buckets']> => {
  const { relative_attention_num_buckets: n, relative_attention_max_distance: maxDistance } = f;
  if (n < 4) return fail(configField('relative_attention_num_buckets'), 'at least 4', String(n));
  return maxDistance > Math.floor(n / 2)
    ? E.right({ count: n, maxDistance })
    : fail(configField('relative_attention_max_distance'), `more than ${Math.floor(n / 2)}`, String(maxDistance));
};

/**
 * T5 scales what goes into a tied head. Files of version 1.1 say so by `tie_word_embeddings` alone; transformers 5 writes a field of
 * its own, because it ties them whatever that says.
 */
const outputScaleOf = (d: Defaults, f: Fields): number =>
  d.scaled && (f.scale_decoder_outputs ?? f.tie_word_embeddings) ? f.d_model ** -0.5 : 1;

const check = (d: Defaults, f: Fields): Result<T5Config> =>
  F.pipe(
    struct({ feedForward: feedForwardOf(f), buckets: bucketsOf(f) }),
    E.map(({ feedForward, buckets }) => ({
      ...feedForward,
      buckets,
      encoderLayers: f.num_layers,
      decoderLayers: f.num_decoder_layers ?? f.num_layers,
      heads: f.num_heads,
      headDim: f.d_kv,
      epsilon: f.layer_norm_epsilon,
      outputScale: outputScaleOf(d, f),
      start: f.decoder_start_token_id,
    })),
  );

/** Reads config.json of a T5 model; problems for every field of a wrong type, or for every value that does not fit. */
export const decodeT5Config = (modelType: string, config: Config): Result<T5Config> => {
  const d = defaults.get(modelType);
  if (d === undefined) throw new TypeError(`${modelType} is not of the T5 family`);
  return E.chain((f: Fields) => check(d, f))(decodeWith(fieldsOf(d), config, 'config.json'));
};
