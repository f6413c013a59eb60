/**
 * Default targets of the methods that do not share LoRA's.
 *
 * Source: the tables TRANSFORMERS_MODELS_TO_<METHOD>_..._MODULES_MAPPING of PEFT 0.21.
 */
import { changed, loraTargets, type DefaultTargets } from './lora.js';

/** One list for several model types. */
const rows = (types: string, targets: ReadonlyArray<string>): DefaultTargets =>
  Object.fromEntries(types.split(' ').map((type) => [type, targets]));

/** What AdaLoRA and VB-LoRA share: LoRA's older model types, with more modules for some. */
export const adaloraTargets: DefaultTargets = changed(
  loraTargets,
  {
    t5: ['q', 'k', 'v', 'o', 'wi', 'wo'],
    mt5: ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'],
    ...rows('bart opt', ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2']),
    'deberta-v2': ['query_proj', 'key_proj', 'value_proj', 'dense'],
  },
  (
    'blip-2 xlm-roberta electra layoutlm chatglm mpt RefinedWebModel RefinedWeb falcon btlm codegen mistral mixtral ' +
    'stablelm phi rwkv rwkv7'
  ).split(' '),
);

/** BEFT trains the bias of the value projection. */
export const beftTargets: DefaultTargets = {
  ...rows('t5 mt5', ['v']),
  ...rows('bert roberta', ['value']),
  'deberta-v2': ['value_proj'],
  ...rows('opt gptj gpt_neo bart llama llama4 mistral mixtral phi gemma gemma2 gemma3_text qwen2 qwen3', ['v_proj']),
};

/** IA3: keys, values and the second matrix of the feed-forward part. */
export const ia3Targets: DefaultTargets = {
  t5: ['k', 'v', 'wo'],
  mt5: ['k', 'v', 'wi_1'],
  ...rows('gpt2 gpt_bigcode', ['c_attn', 'mlp.c_proj']),
  bloom: ['query_key_value', 'mlp.dense_4h_to_h'],
  ...rows('bert roberta', ['key', 'value', 'output.dense']),
  opt: ['q_proj', 'k_proj', 'fc2'],
  gptj: ['q_proj', 'v_proj', 'fc_out'],
  ...rows('gpt_neox falcon RefinedWeb RefinedWebModel', ['query_key_value', 'dense_4h_to_h']),
  gpt_neo: ['q_proj', 'v_proj', 'c_proj'],
  ...rows('bart phi', ['q_proj', 'v_proj', 'fc2']),
  ...rows('llama mistral', ['k_proj', 'v_proj', 'down_proj']),
  ...rows('llama4 gemma gemma2 gemma3_text qwen2 qwen3', ['q_proj', 'v_proj', 'down_proj']),
  mixtral: ['k_proj', 'v_proj', 'w2'],
  'deberta-v2': ['key_proj', 'value_proj', 'output.dense'],
  deberta: ['in_proj', 'output.dense'],
};

/** The targets of IA3 whose inputs are scaled rather than their outputs. */
export const ia3Feedforward: Readonly<Record<string, ReadonlyArray<string>>> = Object.fromEntries(
  Object.entries(ia3Targets).map(([type, targets]) => [type, type === 'mt5' ? [] : [targets.at(-1) as string]]),
);

const blockNorms = ['input_layernorm', 'post_attention_layernorm'];
const allBlockNorms = [...blockNorms, 'pre_feedforward_layernorm', 'post_feedforward_layernorm', 'norm'];

/** LN tuning: the normalisation layers. */
export const lnTuningTargets: DefaultTargets = {
  ...rows('llama mistral gemma', [...blockNorms, 'norm']),
  ...rows('bloom falcon', [...blockNorms, 'ln_f']),
  llava: ['multi_modal_projector', ...blockNorms, 'norm', 'embed_tokens', 'lm_head'],
  ...rows('t5 mt5', ['layer_norm', 'final_layer_norm']),
  bart: ['self_attn_layer_norm', 'encoder_attn_layer_norm', 'final_layer_norm'],
  gpt2: ['ln_1', 'ln_2', 'ln_f'],
  gptj: ['ln_1', 'ln_f'],
  'blip-2': ['layernorm', 'LayerNorm', 'final_layer_norm', 'self_attn_layer_norm'],
  phi: ['input_layernorm', 'final_layernorm'],
  ...rows('gemma2 gemma3_text', allBlockNorms),
  ...rows('qwen2 qwen3', ['post_attention_layernorm']),
};

/** OSF: every matrix of a block. */
export const osfTargets: DefaultTargets = {
  ...rows('llama llama4 mistral mixtral gemma gemma2 gemma3_text qwen2 qwen3 phi', [
    'q_proj',
    'k_proj',
    'v_proj',
    'o_proj',
    'gate_proj',
    'down_proj',
    'up_proj',
  ]),
  ...rows('gpt2 gpt_bigcode', ['c_attn', 'c_proj']),
  ...rows('bloom gpt_neox falcon', ['query_key_value', 'dense_4h_to_h']),
  opt: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'],
  gptj: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc_in', 'fc_out'],
};
