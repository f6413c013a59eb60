/**
 * Checks across the fields of LoraConfig, as PEFT makes them.
 */
import { orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
import { layerProblems } from '../../targeting-fields.js';
import { blockProblems } from './block-diagonal.js';
import type { LoraConfig } from './config.js';
import { startProblems, takesOut } from './starts.js';
import { variantProblems } from './variants.js';

const laterProblems = (c: LoraConfig): ReadonlyArray<Problem> =>
  c.arrow_config === null ? [] : [unsupported('adapter_config.json: arrow_config', 'Arrow routing')];

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
  ...(c.use_dora && c.megatron_config !== null
    ? [problem('adapter_config.json: use_dora', 'no megatron_config beside use_dora', 'both are set')]
    : []),
  ...(c.lora_bias && typeof c.init_lora_weights === 'string' && c.init_lora_weights !== 'gaussian'
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
          ['init_lora_weights', takesOut(c.init_lora_weights)],
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
  orProblems(
    [
      ...layerProblems(c),
      ...laterProblems(c),
      ...startProblems(c),
      ...variantProblems(c),
      ...(c.use_bdlora === null ? [] : blockProblems(c.use_bdlora)),
      ...doraProblems(c),
      ...parameterProblems(c),
    ],
    () => c,
  );
