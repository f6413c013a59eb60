/**
 * The models of the training bench: their config.json, the shapes of their tensors, and where LoRA sits.
 */
import { recordOf, type Shape } from '../../src/ops/tensor.js';

/** A model and its batch. */
export interface Architecture {
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, Shape>>;
  /** The modules that LoRA adapts, with the numbers of their inputs and outputs, and the last part of their names. */
  readonly adapted: ReadonlyArray<readonly [module: string, inputs: number, outputs: number]>;
  readonly targets: ReadonlyArray<string>;
  /** Sequences and their tokens. */
  readonly ids: readonly [number, number];
}

const range = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i);

interface Llama {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly groups: number;
  readonly vocabulary: number;
}

/** A Llama with tied embeddings; LoRA on the queries and values. */
export const llama = (
  { hidden: D, intermediate: F, layers, heads, groups, vocabulary: V }: Llama,
  ids: readonly [number, number],
): Architecture => {
  const narrow = (D / heads) * groups;
  const blocks = range(layers).map((i) => `model.layers.${i}`);
  return {
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: D,
      intermediate_size: F,
      num_attention_heads: heads,
      num_key_value_heads: groups,
      num_hidden_layers: layers,
      vocab_size: V,
      max_position_embeddings: 512,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: true,
    },
    shapes: recordOf([
      ['model.embed_tokens.weight', [V, D]],
      ...blocks.flatMap((at): ReadonlyArray<readonly [string, Shape]> => [
        [`${at}.input_layernorm.weight`, [D]],
        [`${at}.self_attn.q_proj.weight`, [D, D]],
        [`${at}.self_attn.k_proj.weight`, [narrow, D]],
        [`${at}.self_attn.v_proj.weight`, [narrow, D]],
        [`${at}.self_attn.o_proj.weight`, [D, D]],
        [`${at}.post_attention_layernorm.weight`, [D]],
        [`${at}.mlp.gate_proj.weight`, [F, D]],
        [`${at}.mlp.up_proj.weight`, [F, D]],
        [`${at}.mlp.down_proj.weight`, [D, F]],
      ]),
      ['model.norm.weight', [D]],
    ]),
    adapted: blocks.flatMap((at) => [
      [`${at}.self_attn.q_proj`, D, D],
      [`${at}.self_attn.v_proj`, D, narrow],
    ]),
    targets: ['q_proj', 'v_proj'],
    ids,
  };
};

interface Gpt2 {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly vocabulary: number;
}

/** A GPT-2; LoRA on the queries, keys and values. */
export const gpt2 = (
  { hidden: D, layers, heads, vocabulary: V }: Gpt2,
  ids: readonly [number, number],
): Architecture => {
  const blocks = range(layers).map((i) => `transformer.h.${i}`);
  const norm = (at: string): ReadonlyArray<readonly [string, Shape]> => [
    [`${at}.weight`, [D]],
    [`${at}.bias`, [D]],
  ];
  const dense = (at: string, inputs: number, outputs: number): ReadonlyArray<readonly [string, Shape]> => [
    [`${at}.weight`, [inputs, outputs]],
    [`${at}.bias`, [outputs]],
  ];
  return {
    config: {
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      n_embd: D,
      n_layer: layers,
      n_head: heads,
      n_positions: 512,
      vocab_size: V,
      layer_norm_epsilon: 1e-5,
      activation_function: 'gelu_new',
      tie_word_embeddings: true,
      resid_pdrop: 0,
      embd_pdrop: 0,
      attn_pdrop: 0,
    },
    shapes: recordOf([
      ['transformer.wte.weight', [V, D]],
      ['transformer.wpe.weight', [512, D]],
      ...blocks.flatMap((at) => [
        ...norm(`${at}.ln_1`),
        ...dense(`${at}.attn.c_attn`, D, 3 * D),
        ...dense(`${at}.attn.c_proj`, D, D),
        ...norm(`${at}.ln_2`),
        ...dense(`${at}.mlp.c_fc`, D, 4 * D),
        ...dense(`${at}.mlp.c_proj`, 4 * D, D),
      ]),
      ...norm('transformer.ln_f'),
    ]),
    adapted: blocks.map((at) => [`${at}.attn.c_attn`, D, 3 * D]),
    targets: ['c_attn'],
    ids,
  };
};
