/**
 * LoraConfig: PEFT's fields, defaults and checks.
 */
import * as t from 'io-ts';
import { orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
import {
  layerProblems,
  literals,
  names,
  positiveInt,
  probability,
  rankPatterns,
  targeting,
} from '../../targeting-fields.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../../config.js';

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
  kasa_config: nullable(nested),
  layer_replication: nullable(t.array(t.tuple([t.Integer, t.Integer]), 'a list of [start, end] pairs')),
  loftq_config: field(nested, {}),
  lora_alpha: field(t.number, 8),
  lora_bias: field(t.boolean, false),
  lora_dropout: floatField(probability, 0),
  lora_ga_config: nullable(nested),
  megatron_config: nullable(nested),
  megatron_core: field(t.union([t.string, t.null]), 'megatron.core'),
  monteclora_config: nullable(nested),
  qalora_group_size: field(t.Integer, 16),
  r: field(positiveInt, 8),
  target_parameters: nullable(names),
  trainable_token_indices: nullable(
    t.union(
      [t.array(t.Integer), t.record(t.string, t.array(t.Integer))],
      'token indices, or an object of them by module',
    ),
  ),
  use_bdlora: nullable(nested),
  use_dora: field(t.boolean, false),
  use_qalora: field(t.boolean, false),
  use_rslora: field(t.boolean, false),
  velora_config: nullable(nested),
} as const satisfies Fields;

/** A decoded LoraConfig. */
export type LoraConfig = BaseConfig & Values<typeof loraFields>;

/** Initialisations that leave the base as it is: an adapter trained from them applies to the plain base. */
const plainInits: ReadonlySet<string> = new Set(['gaussian', 'orthogonal', 'eva']);

const later: ReadonlyArray<readonly [field: keyof LoraConfig, what: string]> = [
  ['arrow_config', 'Arrow routing'],
  ['kasa_config', 'KaSA'],
  ['monteclora_config', 'MonteCLoRA'],
  ['use_bdlora', 'BD-LoRA'],
  ['use_qalora', 'QA-LoRA'],
  ['velora_config', 'VeLoRA'],
];

const variantProblems = (c: LoraConfig): ReadonlyArray<Problem> => {
  const init = c.init_lora_weights;
  return [
    ...later
      .filter(([name]) => c[name] !== null && c[name] !== false)
      .map(([name, what]) => unsupported(`adapter_config.json: ${name}`, what)),
    ...(typeof init === 'string' && !plainInits.has(init.toLowerCase())
      ? [
          unsupported(
            'adapter_config.json: init_lora_weights',
            `"${init}"`,
            'Such an adapter is relative to a base that this initialisation has changed; convert it to plain LoRA in PEFT first.',
          ),
        ]
      : []),
  ];
};

const doraProblems = (c: LoraConfig): ReadonlyArray<Problem> => [
  ...(c.use_dora && c.lora_bias
    ? [
        problem(
          'adapter_config.json: lora_bias',
          'no lora_bias beside use_dora',
          'both are true',
          'DoRA has no bias term; set one of them to false.',
        ),
      ]
    : []),
  ...(c.use_dora && c.alora_invocation_tokens !== null
    ? [problem('adapter_config.json: alora_invocation_tokens', 'one variant of LoRA', 'use_dora beside it')]
    : []),
  ...(c.use_dora && c.megatron_config !== null
    ? [problem('adapter_config.json: use_dora', 'no megatron_config beside use_dora', 'both are set')]
    : []),
  ...(c.lora_bias &&
  typeof c.init_lora_weights === 'string' &&
  c.init_lora_weights !== 'gaussian' &&
  plainInits.has(c.init_lora_weights)
    ? [
        problem(
          'adapter_config.json: lora_bias',
          'init_lora_weights true or false beside lora_bias',
          `"${c.init_lora_weights}"`,
        ),
      ]
    : []),
];

const parameterProblems = (c: LoraConfig): ReadonlyArray<Problem> =>
  (c.target_parameters ?? []).length === 0
    ? []
    : (
        [
          ['lora_dropout', c.lora_dropout !== 0],
          ['fan_in_fan_out', c.fan_in_fan_out],
          ['lora_bias', c.lora_bias],
          ['use_dora', c.use_dora],
        ] as const
      )
        .filter(([, set]) => set)
        .map(([name]) =>
          problem(
            `adapter_config.json: ${name}`,
            'its default beside target_parameters',
            JSON.stringify(c[name]),
            'A raw parameter takes plain LoRA only.',
          ),
        );

/** Checks across fields, as PEFT makes them. */
export const validateLora = (c: LoraConfig): Result<LoraConfig> =>
  orProblems([...layerProblems(c), ...variantProblems(c), ...doraProblems(c), ...parameterProblems(c)], () => c);
