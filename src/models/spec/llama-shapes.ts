/**
 * The parameters of Llama, Mistral, Qwen2, Qwen3 and GPT-OSS from config.json.
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import { decodeWith } from '../../io/decode.js';
import { groupedHeads, type Heads } from '../attention-config.js';
import { nullable, orDefault, size } from '../config.js';
import { affine, flag, inLayers, type NamedShape, type Shapes } from './shapes.js';

/** Which linear layers of a Llama-like layer have biases, and whether heads are normalized. */
interface Llama {
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly vocabulary: number;
  readonly queries: boolean;
  readonly output: boolean;
  readonly normalizedHeads: boolean;
  readonly rest: ReadonlyArray<NamedShape>;
}

const llamaLike = (m: Llama, { groups, headDim }: Heads): ReadonlyArray<NamedShape> => {
  const D = m.hidden;
  const layer: ReadonlyArray<NamedShape> = [
    ...affine('self_attn.q_proj', m.heads * headDim, D, m.queries),
    ...affine('self_attn.k_proj', groups * headDim, D, m.queries),
    ...affine('self_attn.v_proj', groups * headDim, D, m.queries),
    ...affine('self_attn.o_proj', D, m.heads * headDim, m.output),
    ...(m.normalizedHeads ? ['q_norm', 'k_norm'].map((n): NamedShape => [`self_attn.${n}.weight`, [headDim]]) : []),
    ...m.rest,
    ['input_layernorm.weight', [D]],
    ['post_attention_layernorm.weight', [D]],
  ];
  return [['embed_tokens.weight', [m.vocabulary, D]], ...inLayers(m.layers, 'layers', layer), ['norm.weight', [D]]];
};

/** Where the members of the Llama family differ. */
interface Member {
  readonly vocabulary: number;
  readonly inner: number;
  readonly groups: number | null;
  readonly headDim: number | undefined;
  /** Biases of q, k and v alone (`queries`), or of these and o where `attention_bias` says so (`by config`). */
  readonly biases: 'none' | 'queries' | 'by config';
  readonly normalizedHeads: boolean;
}

const members: Readonly<Record<string, Member>> = {
  llama: {
    vocabulary: 32000,
    inner: 11008,
    groups: null,
    headDim: undefined,
    biases: 'by config',
    normalizedHeads: false,
  },
  mistral: {
    vocabulary: 32000,
    inner: 14336,
    groups: 8,
    headDim: undefined,
    biases: 'none',
    normalizedHeads: false,
  },
  qwen2: {
    vocabulary: 151936,
    inner: 22016,
    groups: 32,
    headDim: undefined,
    biases: 'queries',
    normalizedHeads: false,
  },
  qwen3: {
    vocabulary: 151936,
    inner: 22016,
    groups: 32,
    headDim: 128,
    biases: 'by config',
    normalizedHeads: true,
  },
};

const llamaFields = (m: Member) =>
  t.type({
    vocab_size: orDefault(size, m.vocabulary),
    hidden_size: orDefault(size, 4096),
    intermediate_size: orDefault(size, m.inner),
    num_hidden_layers: orDefault(size, 32),
    num_attention_heads: orDefault(size, 32),
    num_key_value_heads: nullable(size, m.groups),
    head_dim: orDefault(size, m.headDim),
    attention_bias: flag(false),
    mlp_bias: flag(false),
  });

const llamaShapes =
  (modelType: string, m: Member): Shapes =>
  (config) =>
    F.pipe(
      decodeWith(llamaFields(m), config, 'config.json'),
      E.chain((f) =>
        E.map((heads: Heads) => {
          const biased = m.biases === 'by config' && f.attention_bias;
          const inner = modelType === 'llama' && f.mlp_bias;
          return llamaLike(
            {
              layers: f.num_hidden_layers,
              heads: f.num_attention_heads,
              hidden: f.hidden_size,
              vocabulary: f.vocab_size,
              queries: biased || m.biases === 'queries',
              output: biased,
              normalizedHeads: m.normalizedHeads,
              rest: [
                ...affine('mlp.gate_proj', f.intermediate_size, f.hidden_size, inner),
                ...affine('mlp.up_proj', f.intermediate_size, f.hidden_size, inner),
                ...affine('mlp.down_proj', f.hidden_size, f.intermediate_size, inner),
              ],
            },
            heads,
          );
        })(groupedHeads(f)),
      ),
    );

const gptOssFields = t.type({
  vocab_size: orDefault(size, 201088),
  hidden_size: orDefault(size, 2880),
  intermediate_size: orDefault(size, 2880),
  num_hidden_layers: orDefault(size, 36),
  num_attention_heads: orDefault(size, 64),
  num_key_value_heads: nullable(size, 8),
  head_dim: nullable(size, 64),
  num_local_experts: orDefault(size, 128),
  attention_bias: flag(true),
});

/** GPT-OSS. */
export const gptOssShapes: Shapes = (config) =>
  F.pipe(
    decodeWith(gptOssFields, config, 'config.json'),
    E.chain((f) =>
      E.map((heads: Heads) => {
        const [N, D, I] = [f.num_local_experts, f.hidden_size, f.intermediate_size];
        return llamaLike(
          {
            layers: f.num_hidden_layers,
            heads: f.num_attention_heads,
            hidden: D,
            vocabulary: f.vocab_size,
            queries: f.attention_bias,
            output: f.attention_bias,
            normalizedHeads: false,
            rest: [
              ['self_attn.sinks', [f.num_attention_heads]],
              ...affine('mlp.router', N, D, true),
              ['mlp.experts.gate_up_proj', [N, D, 2 * I]],
              ['mlp.experts.gate_up_proj_bias', [N, 2 * I]],
              ['mlp.experts.down_proj', [N, I, D]],
              ['mlp.experts.down_proj_bias', [N, D]],
            ],
          },
          heads,
        );
      })(groupedHeads(f)),
    ),
  );

/** The Llama family by `model_type`. */
export const llamaFamilyShapes: Readonly<Record<string, Shapes>> = Object.fromEntries(
  Object.entries(members).map(([type, member]) => [type, llamaShapes(type, member)]),
);
