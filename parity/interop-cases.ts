/**
 * Adapters that Weft makes for PEFT to load.
 */

/** A LoRA adapter on one of the golden bases. */
export interface InteropCase {
  readonly name: string;
  /** Folder below test/golden/cases/bases. */
  readonly base: string;
  /** Fields of LoraConfig. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Every layout of LoRA's files on language models. */
export const interopCases: ReadonlyArray<InteropCase> = [
  { name: 'default targets', base: 'llama', config: { r: 4, lora_alpha: 8 } },
  {
    name: 'rsLoRA, rank and alpha patterns',
    base: 'qwen2',
    config: {
      target_modules: 'all-linear',
      r: 4,
      lora_alpha: 6,
      use_rslora: true,
      rank_pattern: { q_proj: 2, '^model.layers.1.mlp.up_proj': 6 },
      alpha_pattern: { v_proj: 3, 'layers.0.self_attn.o_proj': 5 },
    },
  },
  { name: 'DoRA', base: 'llama', config: { target_modules: 'all-linear', r: 4, use_dora: true } },
  {
    name: 'DoRA on Conv1D',
    base: 'gpt2',
    config: { target_modules: ['c_attn', 'c_proj'], r: 4, use_dora: true, fan_in_fan_out: true },
  },
  {
    name: 'embedding and modules_to_save',
    base: 'llama',
    config: { target_modules: ['embed_tokens', 'q_proj'], modules_to_save: ['lm_head', 'norm'], r: 4 },
  },
  { name: 'tied embedding', base: 'qwen2', config: { target_modules: ['embed_tokens', 'v_proj'], r: 4 } },
  { name: 'Conv1D', base: 'gpt2', config: { target_modules: ['c_attn', 'c_fc'], r: 4, fan_in_fan_out: true } },
  { name: 'bias all', base: 'gpt2', config: { target_modules: ['c_attn'], r: 4, bias: 'all', fan_in_fan_out: true } },
  { name: 'bias lora_only', base: 'qwen2', config: { target_modules: ['q_proj', 'o_proj'], r: 4, bias: 'lora_only' } },
  { name: 'lora_bias', base: 'qwen2', config: { target_modules: ['q_proj', 'v_proj'], r: 4, lora_bias: true } },
  {
    name: 'trainable tokens',
    base: 'llama',
    config: { target_modules: ['q_proj', 'v_proj'], r: 4, trainable_token_indices: [1, 5, 40] },
  },
  {
    name: 'trainable tokens, tied',
    base: 'qwen2',
    config: { target_modules: ['q_proj'], r: 4, trainable_token_indices: { embed_tokens: [0, 7] } },
  },
  {
    name: 'regular expression',
    base: 'mistral',
    config: { target_modules: String.raw`.*\.(self_attn|mlp)\.(q|k|up)_proj`, r: 3 },
  },
  {
    name: 'layers and exclusions',
    base: 'qwen3',
    config: {
      target_modules: ['q_proj', 'k_proj', 'down_proj'],
      exclude_modules: ['k_proj'],
      layers_to_transform: [1],
      r: 4,
    },
  },
  {
    name: 'layer replication',
    base: 'llama',
    config: {
      target_modules: ['q_proj', 'up_proj'],
      r: 4,
      layer_replication: [
        [0, 2],
        [1, 2],
      ],
    },
  },
];
