/**
 * config.json of BERT, with transformers' defaults.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import type { Activation } from '../ops/activation.js';
import { fail, type Result } from '../problem.js';
import { groupedHeads } from './attention-config.js';
import {
  activationOf,
  configField,
  integer,
  nullable,
  orDefault,
  positive,
  size,
  struct,
  type Config,
} from './config.js';

/** What the forward pass of the encoder needs. */
export interface BertConfig {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** Number of learned positions. */
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly tied: boolean;
  /** Row of the embedding that no gradient reaches through a lookup, as torch's `padding_idx`. */
  readonly padding: number | undefined;
}

const fields = t.type({
  hidden_size: orDefault(size, 768),
  num_hidden_layers: orDefault(size, 12),
  num_attention_heads: orDefault(size, 12),
  max_position_embeddings: orDefault(size, 512),
  hidden_act: orDefault(t.string, 'gelu'),
  layer_norm_eps: orDefault(positive, 1e-12),
  tie_word_embeddings: orDefault(t.boolean, true),
  pad_token_id: nullable(integer, 0),
  is_decoder: orDefault(t.boolean, false),
});

type Fields = t.TypeOf<typeof fields>;

const isEncoder = ({ is_decoder }: Fields): Result<void> =>
  is_decoder
    ? fail(configField('is_decoder'), 'false', 'true', 'Weft runs BERT as an encoder alone')
    : E.right(undefined);

const check = (f: Fields): Result<BertConfig> =>
  F.pipe(
    struct({ shape: groupedHeads(f), activation: activationOf('hidden_act', f.hidden_act), encoder: isEncoder(f) }),
    E.map(({ shape, activation }) => ({
      layers: f.num_hidden_layers,
      heads: f.num_attention_heads,
      headDim: shape.headDim,
      positions: f.max_position_embeddings,
      epsilon: f.layer_norm_eps,
      activation,
      tied: f.tie_word_embeddings,
      padding: f.pad_token_id ?? undefined,
    })),
  );

/** Reads config.json of a BERT model; problems for every field of a wrong type, or for every value that does not fit. */
export const decodeBertConfig = (config: Config): Result<BertConfig> =>
  E.chain(check)(decodeWith(fields, config, 'config.json'));
