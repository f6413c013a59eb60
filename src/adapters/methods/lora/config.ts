/**
 * LoraConfig: PEFT's fields and defaults.
 */
import * as t from 'io-ts';
import { literals, names, positiveInt, probability, rankPatterns, targeting } from '../../targeting-fields.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../../config.js';
import { blockCodec } from './block-diagonal.js';
import { kasaCodec } from './kasa.js';
import { monteCloraCodec } from './monteclora.js';
import { veloraCodec } from './velora.js';

/** A nested config that is kept as it is. */
const nested = t.UnknownRecord;

/** The token sequence that turns an activated LoRA on. */
const invocation = t.refinement(t.array(t.Integer), (ids) => ids.length > 0, 'a list of at least one token id');

/** The fields of LoraConfig with PEFT's defaults. */
export const loraFields = {
  ...targeting,
  ...rankPatterns,
  alora_invocation_tokens: nullable(invocation),
  arrow_config: nullable(nested),
  bias: field(literals('none', 'all', 'lora_only'), 'none'),
  corda_config: nullable(nested),
  ensure_weight_tying: field(t.boolean, false),
  eva_config: nullable(nested),
  fan_in_fan_out: field(t.boolean, false),
  init_lora_weights: field(t.union([t.boolean, t.string], 'true, false or the name of an initialisation'), true),
  kasa_config: nullable(kasaCodec),
  layer_replication: nullable(t.array(t.tuple([t.Integer, t.Integer]), 'a list of [start, end] pairs')),
  loftq_config: field(nested, {}),
  lora_alpha: field(t.number, 8),
  lora_bias: field(t.boolean, false),
  lora_dropout: floatField(probability, 0),
  lora_ga_config: nullable(nested),
  megatron_config: nullable(nested),
  megatron_core: field(t.union([t.string, t.null]), 'megatron.core'),
  monteclora_config: nullable(monteCloraCodec),
  qalora_group_size: field(t.Integer, 16),
  r: field(positiveInt, 8),
  target_parameters: nullable(names),
  trainable_token_indices: nullable(
    t.union(
      [t.array(t.Integer), t.record(t.string, t.array(t.Integer))],
      'token indices, or an object of them by module',
    ),
  ),
  use_bdlora: nullable(blockCodec),
  use_dora: field(t.boolean, false),
  use_qalora: field(t.boolean, false),
  use_rslora: field(t.boolean, false),
  velora_config: nullable(veloraCodec),
} as const satisfies Fields;

/** A decoded LoraConfig. */
export type LoraConfig = BaseConfig & Values<typeof loraFields>;
