/**
 * config.json of OPT, with transformers' defaults.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { decodeWith } from '../io/decode.js';
import type { Tensor } from '../ops/tensor.js';
import type { Result } from '../problem.js';
import { groupedHeads } from './attention-config.js';
import { activationOf, integer, nullable, optional, orDefault, size, struct, type Config } from './config.js';

/** What the forward pass needs. Biases are not listed: a layer adds the one that its weights have. */
export interface OptConfig {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** Number of learned positions, without the rows before the first. */
  readonly positions: number;
  readonly activation: (x: Tensor) => Tensor;
  /** Layers normalize what they read; otherwise what they give (the 350m model). */
  readonly normFirst: boolean;
  /** A last normalization before the head. */
  readonly finalNorm: boolean;
  /** Normalizations have weights and biases. */
  readonly affine: boolean;
  /** Token embeddings have a width of their own, with projections behind and before them (the 350m model). */
  readonly projected: boolean;
  readonly tied: boolean;
  /** Row of the embedding that no gradient reaches through a lookup, as torch's `padding_idx`. */
  readonly padding: number | undefined;
}

const fields = t.type({
  hidden_size: orDefault(size, 768),
  num_hidden_layers: orDefault(size, 12),
  num_attention_heads: orDefault(size, 12),
  max_position_embeddings: orDefault(size, 2048),
  word_embed_proj_dim: optional(size),
  do_layer_norm_before: orDefault(t.boolean, true),
  _remove_final_layer_norm: orDefault(t.boolean, false),
  layer_norm_elementwise_affine: orDefault(t.boolean, true),
  activation_function: orDefault(t.string, 'relu'),
  tie_word_embeddings: orDefault(t.boolean, true),
  pad_token_id: nullable(integer, 1),
});

type Fields = t.TypeOf<typeof fields>;

const check = (f: Fields): Result<OptConfig> =>
  F.pipe(
    struct({ shape: groupedHeads(f), activation: activationOf('activation_function', f.activation_function) }),
    E.map(({ shape, activation }) => ({
      layers: f.num_hidden_layers,
      heads: f.num_attention_heads,
      headDim: shape.headDim,
      positions: f.max_position_embeddings,
      activation,
      normFirst: f.do_layer_norm_before,
      finalNorm: f.do_layer_norm_before && !f._remove_final_layer_norm,
      affine: f.layer_norm_elementwise_affine,
      projected: f.word_embed_proj_dim !== undefined && f.word_embed_proj_dim !== f.hidden_size,
      tied: f.tie_word_embeddings,
      padding: f.pad_token_id ?? undefined,
    })),
  );

/** Reads config.json of an OPT model; problems for every field of a wrong type, or for every value that does not fit. */
export const decodeOptConfig = (config: Config): Result<OptConfig> =>
  E.chain(check)(decodeWith(fields, config, 'config.json'));
