/**
 * XLoraConfig: PEFT's fields, defaults and checks.
 */
import * as t from 'io-ts';
import { E, F } from '../../../fp.js';
import { recordOf } from '../../../ops/tensor.js';
import { all, orProblems, problem, type Problem, type Result } from '../../../problem.js';
import {
  field,
  floatField,
  nullable,
  show,
  type BaseConfig,
  type Field,
  type Fields,
  type Values,
} from '../../config.js';
import { configFields } from '../../lora-leaf.js';
import { innerConfig, nestedProblems, type NestedConfig } from '../../nested.js';
import { naturalInt, positiveInt, probability } from '../../targeting-fields.js';
import type { LoraConfig } from '../lora/config.js';
import { lora } from '../lora/lora.js';
import { takesOut } from '../lora/starts.js';
import { variantOf } from '../lora/variants.js';

const nestedCodec = t.intersection([
  t.type({ path: t.string }),
  t.partial({ fields: t.UnknownRecord, floats: t.array(t.string) }),
]);

/** A path, as files have it, or what became of one. */
const expert = new t.Type<NestedConfig, NestedConfig, unknown>(
  'the folder of a LoRA adapter',
  nestedCodec.is,
  (u, c) =>
    typeof u === 'string' ? t.success({ path: u }) : (nestedCodec.validate(u, c) as t.Validation<NestedConfig>),
  t.identity,
);

type Adapters = Readonly<Record<string, NestedConfig>>;

/** Files hold the paths alone. */
const adapters: Field<Adapters | null> = {
  ...nullable<Adapters>(t.record(t.string, expert), 'an object of the folders of LoRA adapters, by "0", "1", ...'),
  written: (experts: Adapters) => Object.fromEntries(Object.entries(experts).map(([name, { path }]) => [name, path])),
};

/** The fields of XLoraConfig with PEFT's defaults. */
export const xloraFields = {
  adapters,
  enable_softmax: field(t.boolean, true),
  enable_softmax_topk: field(t.boolean, false),
  global_scaling_weight: floatField(t.number, 1),
  hidden_size: field<number | null>(t.union([positiveInt, t.null], 'an integer greater than 0'), null),
  layerwise_scalings: field(t.boolean, false),
  scaling_pass_value: floatField(t.number, 0),
  softmax_temperature: floatField(
    t.refinement(t.number, (x) => x !== 0, 'a number other than 0'),
    1,
  ),
  top_k_lora: nullable(naturalInt),
  use_trainable_adapters: field(t.boolean, false),
  xlora_depth: field(positiveInt, 1),
  xlora_dropout_p: floatField(probability, 0.2),
  xlora_size: field(positiveInt, 2048),
} as const satisfies Fields;

/** A decoded XLoraConfig; after its checks `hidden_size` and `adapters` are there. */
export type XloraConfig = BaseConfig & Values<typeof xloraFields>;

/** The experts of a checked config, in their order. */
export const expertsOf = (c: XloraConfig): ReadonlyArray<readonly [name: string, config: NestedConfig]> =>
  Object.entries(c.adapters ?? {});

/** What an expert must leave alone: X-LoRA mixes plain factors only. */
const plainProblems = (c: LoraConfig): ReadonlyArray<Problem> => {
  const variant = variantOf(c);
  const set = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== null);
  return [
    ...(variant === undefined || variant === 'MiCA'
      ? []
      : [problem('adapter_config.json', 'plain LoRA, because factors alone are mixed', variant)]),
    ...(takesOut(c.init_lora_weights)
      ? [
          problem(
            'adapter_config.json: init_lora_weights',
            'a start that leaves the base as it is: experts share it',
            show(c.init_lora_weights),
            'Convert the adapter into plain LoRA first.',
          ),
        ]
      : []),
    ...(c.bias === 'none'
      ? []
      : [problem('adapter_config.json: bias', '"none": only low-rank changes are mixed', show(c.bias))]),
    ...(['layer_replication', 'modules_to_save', 'target_parameters', 'trainable_token_indices'] as const)
      .filter((name) => set(c[name]))
      .map((name) => problem(`adapter_config.json: ${name}`, 'null: only low-rank changes are mixed', show(c[name]))),
  ];
};

/** The LoRA config of an expert. */
export const expertConfig = (name: string, config: NestedConfig): Result<LoraConfig> =>
  nestedProblems(
    name,
    E.chain((decoded: BaseConfig) => orProblems(plainProblems(decoded as LoraConfig), () => decoded as LoraConfig))(
      innerConfig(lora, config),
    ),
  );

const at = (name: string): string => `adapter_config.json: ${name}`;

const nameProblems = (c: XloraConfig): ReadonlyArray<Problem> => {
  const names = expertsOf(c).map(([name]) => name);
  if (names.length === 0) return [problem(at('adapters'), 'at least one LoRA adapter', show(c.adapters))];
  return names.every((name, i) => name === String(i))
    ? []
    : [
        problem(
          at('adapters'),
          `the names ${names.map((_, i) => `"${i}"`).join(', ')}, in this order`,
          names.map((name) => JSON.stringify(name)).join(', '),
          'PEFT numbers the adapters and finds them under no other names.',
        ),
      ];
};

/** Expert configs with all their fields, where they were read; a path alone stays one until the experts are needed. */
const filled = (c: XloraConfig): Result<ReadonlyArray<readonly [string, NestedConfig]>> =>
  all(
    expertsOf(c).map(([name, config]) =>
      config.fields === undefined
        ? E.right([name, config] as const)
        : E.map((own: LoraConfig) => [name, { ...config, fields: configFields(own) }] as const)(
            expertConfig(name, config),
          ),
    ),
  );

/** Checks the experts, their names, and their number against `top_k_lora`; a missing `hidden_size` is 4096. */
export const validateXlora = (c: XloraConfig): Result<XloraConfig> => {
  const count = expertsOf(c).length;
  const k = c.top_k_lora ?? 0;
  const checked = orProblems(
    [
      ...nameProblems(c),
      ...(k > Math.max(1, count) ? [problem(at('top_k_lora'), `at most the ${count} adapters`, String(k))] : []),
    ],
    () => c,
  );
  return F.pipe(
    checked,
    E.chain(filled),
    E.map((experts) => ({ ...c, adapters: recordOf(experts), hidden_size: c.hidden_size ?? 4096 })),
  );
};

/** What PEFT warns of. */
export const xloraWarnings = (c: XloraConfig): ReadonlyArray<string> => [
  ...(c.enable_softmax_topk && c.top_k_lora === null
    ? [`${at('enable_softmax_topk')}: top_k_lora is not set, so all gates that are not 0 are normalised`]
    : []),
  ...(c.enable_softmax_topk && c.enable_softmax
    ? [
        `${at('enable_softmax_topk')}: with enable_softmax the gates go through two softmaxes, which makes results worse`,
      ]
    : []),
  ...(c.top_k_lora === 0 ? [`${at('top_k_lora')}: with 0 no adapter ever acts; it should be at least 1`] : []),
];
