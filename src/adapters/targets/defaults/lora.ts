/**
 * LoRA's default targets, which most methods share.
 *
 * Source: TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING of PEFT 0.21.
 */

/** A regular expression or a list of names, by `model_type`. */
export type DefaultTargets = Readonly<Record<string, string | ReadonlyArray<string>>>;

const qv = ['q_proj', 'v_proj'];
const queryValue = ['query', 'value'];
const fused = ['query_key_value'];

/** LoRA's table. */
export const loraTargets: DefaultTargets = {
  t5: ['q', 'v'],
  mt5: ['q', 'v'],
  bart: qv,
  gpt2: ['c_attn'],
  bloom: fused,
  'blip-2': ['q', 'v', 'q_proj', 'v_proj'],
  opt: qv,
  gptj: qv,
  gpt_neox: fused,
  gpt_neo: qv,
  bert: queryValue,
  roberta: queryValue,
  'xlm-roberta': queryValue,
  electra: queryValue,
  'deberta-v2': ['query_proj', 'value_proj'],
  deberta: ['in_proj'],
  layoutlm: queryValue,
  llama: qv,
  llama4: qv,
  chatglm: fused,
  gpt_bigcode: ['c_attn'],
  mpt: ['Wqkv'],
  RefinedWebModel: fused,
  RefinedWeb: fused,
  falcon: fused,
  btlm: ['c_proj', 'c_attn'],
  codegen: ['qkv_proj'],
  mistral: qv,
  mixtral: qv,
  stablelm: qv,
  phi: ['q_proj', 'v_proj', 'fc1', 'fc2'],
  gemma: qv,
  gemma2: qv,
  gemma3_text: qv,
  gemma4: '.*language_model\\..*\\.(q_proj|v_proj)',
  qwen2: qv,
  qwen3: qv,
  nemotron_h: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  rwkv: ['key', 'value', 'receptance', 'output'],
  rwkv7: ['r_proj', 'k_proj', 'v_proj', 'o_proj', 'key', 'value'],
};

/** A table with other rows set and some left out. */
export const changed = (
  table: DefaultTargets,
  rows: DefaultTargets,
  without: ReadonlyArray<string> = [],
): DefaultTargets =>
  Object.fromEntries(Object.entries({ ...table, ...rows }).filter(([modelType]) => !without.includes(modelType)));
