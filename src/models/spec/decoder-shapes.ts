/**
 * The parameters of a decoder from its config.json alone: names and shapes, without a checkpoint.
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import { decodeWith } from '../../io/decode.js';
import { orProblems, problem } from '../../problem.js';
import { groupedHeads } from '../attention-config.js';
import { configField, optional, orDefault, size } from '../config.js';
import { gptOssShapes, llamaFamilyShapes } from './llama-shapes.js';
import { affine, flag, inLayers, type NamedShape, type Shapes } from './shapes.js';

const norm = (name: string, D: number, affineNorm = true): ReadonlyArray<NamedShape> =>
  affineNorm
    ? [
        [`${name}.weight`, [D]],
        [`${name}.bias`, [D]],
      ]
    : [];

/** GPT-2's Conv1D, stored (in, out). */
const conv1D = (name: string, out: number, inputs: number): ReadonlyArray<NamedShape> => [
  [`${name}.weight`, [inputs, out]],
  [`${name}.bias`, [out]],
];

const gpt2Fields = t.type({
  vocab_size: orDefault(size, 50257),
  n_embd: orDefault(size, 768),
  n_layer: orDefault(size, 12),
  n_head: orDefault(size, 12),
  n_positions: orDefault(size, 1024),
  n_inner: optional(size),
});

const gpt2Shapes: Shapes = (config) =>
  F.pipe(
    decodeWith(gpt2Fields, config, 'config.json'),
    E.chain((f) =>
      orProblems(
        f.n_embd % f.n_head === 0
          ? []
          : [problem(configField('n_embd'), `a multiple of ${f.n_head} heads`, `${f.n_embd}`)],
        () => {
          const D = f.n_embd;
          const inner = f.n_inner ?? 4 * D;
          const layer = [
            ...norm('ln_1', D),
            ...conv1D('attn.c_attn', 3 * D, D),
            ...conv1D('attn.c_proj', D, D),
            ...norm('ln_2', D),
            ...conv1D('mlp.c_fc', inner, D),
            ...conv1D('mlp.c_proj', D, inner),
          ];
          return [
            ['wte.weight', [f.vocab_size, D]],
            ['wpe.weight', [f.n_positions, D]],
            ...inLayers(f.n_layer, 'h', layer),
            ...norm('ln_f', D),
          ];
        },
      ),
    ),
  );

const optFields = t.type({
  vocab_size: orDefault(size, 50272),
  hidden_size: orDefault(size, 768),
  ffn_dim: orDefault(size, 3072),
  num_hidden_layers: orDefault(size, 12),
  num_attention_heads: orDefault(size, 12),
  max_position_embeddings: orDefault(size, 2048),
  word_embed_proj_dim: optional(size),
  do_layer_norm_before: flag(true),
  _remove_final_layer_norm: flag(false),
  layer_norm_elementwise_affine: flag(true),
  enable_bias: flag(true),
});

/** Rows of OPT's position table before the first position. */
const OPT_OFFSET = 2;

const optShapes: Shapes = (config) =>
  F.pipe(
    decodeWith(optFields, config, 'config.json'),
    E.chain((f) =>
      E.map((): ReadonlyArray<NamedShape> => {
        const [D, W] = [f.hidden_size, f.word_embed_proj_dim ?? f.hidden_size];
        const affineNorm = f.layer_norm_elementwise_affine;
        const layer = [
          ...['k', 'v', 'q', 'out'].flatMap((n) => affine(`self_attn.${n}_proj`, D, D, f.enable_bias)),
          ...norm('self_attn_layer_norm', D, affineNorm),
          ...affine('fc1', f.ffn_dim, D, f.enable_bias),
          ...affine('fc2', D, f.ffn_dim, f.enable_bias),
          ...norm('final_layer_norm', D, affineNorm),
        ];
        return [
          ['embed_tokens.weight', [f.vocab_size, W]],
          ['embed_positions.weight', [f.max_position_embeddings + OPT_OFFSET, D]],
          ...(W === D ? [] : [...affine('project_out', W, D, false), ...affine('project_in', D, W, false)]),
          ...norm('final_layer_norm', D, affineNorm && f.do_layer_norm_before && !f._remove_final_layer_norm),
          ...inLayers(f.num_hidden_layers, 'layers', layer),
        ];
      })(groupedHeads(f)),
    ),
  );

/** Decoders by `model_type`: those that have a forward pass. */
export const decoderShapes: Readonly<Record<string, Shapes>> = {
  ...llamaFamilyShapes,
  gpt2: gpt2Shapes,
  opt: optShapes,
  gpt_oss: gptOssShapes,
};
