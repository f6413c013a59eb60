/**
 * Rows of decoder-only model types.
 */
import { words, type Architecture } from './architecture.js';

const CAUSAL = [{ classes: /(ForCausalLM|LMHeadModel|DoubleHeadsModel|ForConditionalGeneration)$/, output: 'lm_head' }];

/** Causal masks of the GPT family, [1, 1, n, n], beside the real biases, [n]. */
const CAUSAL_MASKS: NonNullable<Architecture['unused']> = [
  [/^/, /(^|\.)(h|layers)\.\d+\.(attn|attention|attn\.attention)\.bias$/],
];

const llama: Architecture = {
  prefix: 'model',
  parts: ['embed_tokens', 'layers', 'norm'],
  input: 'embed_tokens',
  norm: 'RMSNorm',
  embeddings: ['embed_tokens'],
  heads: CAUSAL,
  tied: false,
  order: words(`model embed_tokens layers self_attn sinks q_proj k_proj v_proj o_proj dense q_norm k_norm mlp
    block_sparse_moe gate router experts w1 w2 w3 shared_expert shared_expert_gate gate_proj
    up_proj gate_up_proj gate_up_proj_bias down_proj down_proj_bias fc1 fc2 c_fc c_proj
    input_layernorm post_attention_layernorm pre_feedforward_layernorm post_feedforward_layernorm
    norm final_layernorm lm_head score qa_outputs classifier`),
};

const gpt2: Architecture = {
  prefix: 'transformer',
  parts: ['wte', 'wpe', 'h', 'ln_f'],
  input: 'wte',
  norm: 'LayerNorm',
  embeddings: ['wte', 'wpe'],
  conv1d: ['c_attn', 'c_proj', 'c_fc', 'q_attn'],
  heads: CAUSAL,
  tied: true,
  order: words(`transformer wte wpe h ln_1 attn attention c_attn q_attn k_proj v_proj q_proj qkv_proj ln_2
    crossattention ln_cross_attn mlp c_fc c_proj fc_in fc_out out_proj ln_f lm_head
    multiple_choice_head score classifier qa_outputs`),
  unused: CAUSAL_MASKS,
};

const { conv1d: _conv1d, ...gptLinear } = gpt2;

const bloom: Architecture = {
  ...gptLinear,
  parts: ['word_embeddings', 'word_embeddings_layernorm', 'h', 'ln_f'],
  input: 'word_embeddings',
  embeddings: ['word_embeddings'],
  order: words(`transformer word_embeddings word_embeddings_layernorm h input_layernorm self_attention
    query_key_value dense post_attention_layernorm mlp dense_h_to_4h dense_4h_to_h ln_attn ln_mlp
    ln_f lm_head score qa_outputs classifier`),
};

const opt: Architecture = {
  prefix: 'model',
  parts: ['decoder'],
  input: 'decoder.embed_tokens',
  norm: 'LayerNorm',
  embeddings: ['embed_tokens', 'embed_positions'],
  heads: CAUSAL,
  tied: true,
  order: words(`model decoder embed_tokens embed_positions project_out project_in self_attn k_proj v_proj
    q_proj out_proj self_attn_layer_norm fc1 fc2 final_layer_norm layers lm_head score qa_outputs`),
  unused: [[/^/, /(^|\.)decoder\.version$/]],
};

const gptNeox: Architecture = {
  prefix: 'gpt_neox',
  parts: ['embed_in', 'layers', 'final_layer_norm'],
  input: 'embed_in',
  norm: 'LayerNorm',
  embeddings: ['embed_in'],
  heads: CAUSAL,
  tied: false,
  order: words(`gpt_neox embed_in layers input_layernorm post_attention_layernorm attention query_key_value
    dense mlp dense_h_to_4h dense_4h_to_h final_layer_norm lm_head score qa_outputs classifier`),
  renames: [[/^embed_out\./, 'lm_head.']],
  unused: CAUSAL_MASKS,
};

const mpt: Architecture = {
  ...gptLinear,
  parts: ['wte', 'blocks', 'norm_f'],
  embeddings: ['wte'],
  order: words(`transformer wte blocks norm_1 attn Wqkv out_proj norm_2 ffn up_proj down_proj norm_f lm_head
    score qa_outputs classifier`),
};

const mamba: Architecture = {
  prefix: 'backbone',
  parts: ['embeddings', 'layers', 'norm_f'],
  input: 'embeddings',
  norm: 'RMSNorm',
  embeddings: ['embeddings'],
  convs: { conv1d: { stride: 1, padding: 'causal', depthwise: true } },
  heads: CAUSAL,
  tied: true,
  order: words(`backbone embeddings layers norm mixer A_log D conv1d in_proj x_proj dt_proj out_proj norm_f
    lm_head`),
  renames: [[/(^|\.)backbone\.embedding\./, '$1backbone.embeddings.']],
};

const gemma: Architecture = { ...llama, tied: true };
const layerNormed: Architecture = { ...llama, norm: 'LayerNorm' };
const experts: Architecture = { ...llama, bare: ['router', 'experts'], transposed: ['experts'] };

/** Decoder-only rows by `model_type`. */
export const decoders: Readonly<Record<string, Architecture>> = {
  llama,
  mistral: llama,
  mixtral: llama,
  qwen2: llama,
  qwen3: llama,
  qwen2_moe: llama,
  qwen3_moe: llama,
  olmo2: { ...llama, order: llama.order.filter((n) => n !== 'input_layernorm') },
  granite: llama,
  smollm3: { ...llama, tied: true },
  gemma,
  gemma2: gemma,
  gemma3_text: gemma,
  phi3: {
    ...llama,
    order: words(`model embed_tokens layers self_attn o_proj qkv_proj mlp gate_up_proj down_proj input_layernorm
    post_attention_layernorm norm lm_head score qa_outputs classifier`),
  },
  phi: { ...layerNormed, parts: ['embed_tokens', 'layers', 'final_layernorm'] },
  stablelm: layerNormed,
  starcoder2: { ...layerNormed, tied: true },
  gpt_oss: experts,
  gpt2,
  gpt_bigcode: gptLinear,
  gptj: { ...gptLinear, tied: false },
  gpt_neo: {
    ...gptLinear,
    order: gpt2.order.flatMap((n) => (n === 'mlp' ? ['out_proj', n] : [n])),
  },
  codegen: { ...gptLinear, tied: false },
  gpt_neox: gptNeox,
  bloom,
  falcon: {
    ...bloom,
    order: words(`transformer word_embeddings h self_attention query_key_value dense mlp dense_h_to_4h dense_4h_to_h
    ln_attn ln_mlp input_layernorm post_attention_layernorm ln_f lm_head score qa_outputs classifier`),
  },
  mpt,
  opt,
  mamba,
};
