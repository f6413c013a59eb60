/**
 * config.json of GPT-OSS, with transformers' defaults.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import { fail, type Result } from '../problem.js';
import { groupedHeads, windowsOfTypes, type Heads, type Windows } from './attention-config.js';
import { configField, integer, nullable, optional, orDefault, positive, size, struct, type Config } from './config.js';
import type { Rope } from './layers/rope.js';
import { decodeWholeRope, ropeFields } from './rope-config.js';

/** What the forward pass needs. Biases are not listed: a layer adds the one that its weights have. */
export interface GptOssConfig {
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads, a divisor of `heads`. */
  readonly groups: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly rope: Rope;
  readonly windows: Windows;
  /** Experts of a token. */
  readonly expertsPerToken: number;
  readonly tied: boolean;
  /** Row of the embedding that no gradient reaches through a lookup, as torch's `padding_idx`. */
  readonly padding: number | undefined;
}

/** Rotary embeddings of a file that names none. */
const ROPE = {
  rope_type: 'yarn',
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
} as const;

const THETA = 150000;

const fields = t.type({
  hidden_size: orDefault(size, 2880),
  num_hidden_layers: orDefault(size, 36),
  num_attention_heads: orDefault(size, 64),
  num_key_value_heads: nullable(size, 8),
  head_dim: nullable(size, 64),
  num_local_experts: orDefault(size, 128),
  num_experts_per_tok: orDefault(size, 4),
  max_position_embeddings: orDefault(size, 131072),
  rms_norm_eps: orDefault(positive, 1e-5),
  tie_word_embeddings: orDefault(t.boolean, false),
  pad_token_id: optional(integer),
  sliding_window: nullable(size, 128),
  layer_types: optional(t.readonlyArray(t.string)),
  ...ropeFields,
});

type Fields = t.TypeOf<typeof fields>;

/** The layer types of a file that names none: every other layer slides, the first among them. */
const alternating = (n: number): ReadonlyArray<string> =>
  Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 'sliding_attention' : 'full_attention'));

const expertsPerTokenOf = (f: Fields): Result<number> =>
  f.num_experts_per_tok <= f.num_local_experts
    ? E.right(f.num_experts_per_tok)
    : fail(configField('num_experts_per_tok'), `at most ${f.num_local_experts} experts`, `${f.num_experts_per_tok}`);

const check = (f: Fields): Result<GptOssConfig> =>
  F.pipe(
    struct({
      shape: E.chain((h: Heads) =>
        E.map((rope: Rope) => ({ ...h, rope }))(decodeWholeRope(f, h.headDim, f.max_position_embeddings)),
      )(groupedHeads(f)),
      windows: windowsOfTypes(
        f.layer_types ?? alternating(f.num_hidden_layers),
        f.num_hidden_layers,
        f.sliding_window ?? undefined,
      ),
      expertsPerToken: expertsPerTokenOf(f),
    }),
    E.map(({ shape, ...parts }) => ({
      ...shape,
      ...parts,
      layers: f.num_hidden_layers,
      heads: f.num_attention_heads,
      epsilon: f.rms_norm_eps,
      tied: f.tie_word_embeddings,
      padding: f.pad_token_id,
    })),
  );

const withRope = (config: Config): Config => ({
  ...config,
  rope_parameters: config['rope_parameters'] ?? ROPE,
  rope_theta: config['rope_theta'] ?? THETA,
});

/** Reads config.json of a GPT-OSS model; problems for every field of a wrong type, or for every value that does not fit. */
export const decodeGptOssConfig = (config: Config): Result<GptOssConfig> =>
  E.chain(check)(decodeWith(fields, withRope(config), 'config.json'));
