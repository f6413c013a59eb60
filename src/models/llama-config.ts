/**
 * config.json of the Llama family: one configuration for Llama, Mistral, Qwen2 and Qwen3, with transformers' defaults of each.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import type { Tensor } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import { groupedHeads, windowsOfTypes, type Heads, type Windows } from './attention-config.js';
import {
  activationOf,
  count,
  integer,
  nullable,
  optional,
  orDefault,
  positive,
  size,
  struct,
  type Config,
} from './config.js';
import type { Rope } from './layers/rope.js';
import { decodeWholeRope, ropeFields } from './rope-config.js';

/** What the forward pass of the family needs. Biases are not listed: a layer adds the one that its weights have. */
export interface LlamaConfig {
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads, a divisor of `heads`. */
  readonly groups: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly activation: (x: Tensor) => Tensor;
  readonly rope: Rope;
  readonly windows: Windows;
  /** Queries and keys are normalized head by head (Qwen3). */
  readonly normalizedHeads: boolean;
  /** The head shares the token embedding's weight. */
  readonly tied: boolean;
  /** Row of the embedding that no gradient reaches through a lookup, as torch's `padding_idx`; negative ones count from the end. */
  readonly padding: number | undefined;
}

/** Where the members of the family differ. */
interface Defaults {
  readonly groups: number | null;
  readonly headDim: number | undefined;
  readonly maxPositions: number;
  readonly attention: 'full' | 'sliding' | 'by layer';
  readonly normalizedHeads: boolean;
}

const qwen = { groups: 32, maxPositions: 32768, attention: 'by layer' } as const;

const defaults: ReadonlyMap<string, Defaults> = new Map([
  ['llama', { groups: null, headDim: undefined, maxPositions: 2048, attention: 'full', normalizedHeads: false }],
  ['mistral', { groups: 8, headDim: undefined, maxPositions: 131072, attention: 'sliding', normalizedHeads: false }],
  ['qwen2', { ...qwen, headDim: undefined, normalizedHeads: false }],
  ['qwen3', { ...qwen, headDim: 128, normalizedHeads: true }],
]);

/** The `model_type`s of the family. */
export const llamaTypes: ReadonlyArray<string> = [...defaults.keys()];

const fieldsOf = (d: Defaults) =>
  t.type({
    hidden_size: orDefault(size, 4096),
    num_hidden_layers: orDefault(size, 32),
    num_attention_heads: orDefault(size, 32),
    num_key_value_heads: nullable(size, d.groups),
    head_dim: orDefault(size, d.headDim),
    hidden_act: orDefault(t.string, 'silu'),
    max_position_embeddings: orDefault(size, d.maxPositions),
    rms_norm_eps: orDefault(positive, 1e-6),
    tie_word_embeddings: orDefault(t.boolean, false),
    pad_token_id: optional(integer),
    sliding_window: nullable(size, 4096),
    use_sliding_window: orDefault(t.boolean, false),
    max_window_layers: orDefault(count, 28),
    layer_types: optional(t.readonlyArray(t.string)),
    ...ropeFields,
  });

type Fields = t.TypeOf<ReturnType<typeof fieldsOf>>;

const repeat = <A>(n: number, x: A): ReadonlyArray<A> => Array.from({ length: n }, () => x);

/** Windows of Qwen: `layer_types` where given, otherwise the layers from `max_window_layers` on. */
const windowsByLayer = (f: Fields): Result<Windows> => {
  const window = f.use_sliding_window ? (f.sliding_window ?? undefined) : undefined;
  const n = f.num_hidden_layers;
  return f.layer_types === undefined
    ? E.right(Array.from({ length: n }, (_, i) => (i >= f.max_window_layers ? window : undefined)))
    : windowsOfTypes(f.layer_types, n, window, 'together with use_sliding_window');
};

const windowsOf = (d: Defaults, f: Fields): Result<Windows> => {
  if (d.attention === 'by layer') return windowsByLayer(f);
  return E.right(repeat(f.num_hidden_layers, d.attention === 'sliding' ? (f.sliding_window ?? undefined) : undefined));
};

const check = (d: Defaults, f: Fields): Result<LlamaConfig> =>
  F.pipe(
    struct({
      shape: E.chain((h: Heads) =>
        E.map((rope: Rope) => ({ ...h, rope }))(decodeWholeRope(f, h.headDim, f.max_position_embeddings)),
      )(groupedHeads(f)),
      activation: activationOf('hidden_act', f.hidden_act),
      windows: windowsOf(d, f),
    }),
    E.map(({ shape, ...parts }) => ({
      ...shape,
      ...parts,
      layers: f.num_hidden_layers,
      heads: f.num_attention_heads,
      epsilon: f.rms_norm_eps,
      normalizedHeads: d.normalizedHeads,
      tied: f.tie_word_embeddings,
      padding: f.pad_token_id,
    })),
  );

/**
 * Reads config.json of a Llama, Mistral, Qwen2 or Qwen3 model.
 *
 * @returns problems for every field of a wrong type; when all types are right, for every value that does not fit the others
 */
export const decodeLlamaConfig = (modelType: string, config: Config): Result<LlamaConfig> => {
  const d = defaults.get(modelType);
  if (d === undefined) throw new TypeError(`${modelType} is not of the Llama family`);
  return E.chain((f: Fields) => check(d, f))(decodeWith(fieldsOf(d), config, 'config.json'));
};
