/**
 * ShadowConfig: PEFT's fields, defaults and checks.
 */
import * as t from 'io-ts';
import { orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
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
import { layerProblems, naturalInt, positiveInt, probability, targeting } from '../../targeting-fields.js';

/** The value of `shadow_model` that builds a smaller model of the base's kind. */
export const MIRROR = 'mirror';

/** A model of its own: where PEFT finds it, and its config.json where that was read. */
export interface PretrainedShadow {
  readonly path: string;
  readonly config: Readonly<Record<string, unknown>>;
}

const pretrained: t.Type<PretrainedShadow> = t.type({ path: t.string, config: t.UnknownRecord });

/** Files hold the path alone. */
const shadowModel: Field<string | PretrainedShadow> = {
  ...field<string | PretrainedShadow>(t.union([t.string, pretrained], '"mirror", or the path of a model'), MIRROR),
  written: (model: string | PretrainedShadow) => (typeof model === 'string' ? model : model.path),
};

/** The fields of ShadowConfig with PEFT's defaults. */
export const shadowFields = {
  ...targeting,
  auxiliary_loss_weight: floatField(t.number, 0.05),
  init_weights: field(t.boolean, true),
  r: field(positiveInt, 8),
  shadow_alpha: floatField(t.number, 0.1),
  shadow_dropout: floatField(probability, 0.2),
  shadow_hidden_size: nullable(positiveInt),
  shadow_intermediate_size: nullable(positiveInt),
  shadow_model: shadowModel,
  shadow_num_attention_heads: nullable(positiveInt),
  shadow_num_hidden_layers: nullable(naturalInt),
  share_embeddings: field(t.boolean, true),
  update_hidden_size: nullable(naturalInt),
} as const satisfies Fields;

/** A decoded ShadowConfig. */
export type ShadowConfig = BaseConfig & Values<typeof shadowFields>;

const at = (name: string): string => `adapter_config.json: ${name}`;

const sizes = [
  'shadow_num_hidden_layers',
  'shadow_hidden_size',
  'shadow_num_attention_heads',
  'shadow_intermediate_size',
] as const;

/** A model of its own has its own sizes. */
const sizeProblems = (c: ShadowConfig): ReadonlyArray<Problem> =>
  sizes
    .filter((name) => c[name] !== null)
    .map((name) =>
      problem(at(name), 'null beside a shadow_model that is not "mirror": it has its own sizes', show(c[name])),
    );

const modelProblems = (c: ShadowConfig): ReadonlyArray<Problem> =>
  c.shadow_model === MIRROR
    ? []
    : [
        ...sizeProblems(c),
        ...(typeof c.shadow_model === 'string'
          ? [
              problem(
                at('shadow_model'),
                'the config.json of that model, because the adapter holds its tensors without its architecture',
                `its path alone, ${show(c.shadow_model)}`,
                "Copy its config.json to that path inside of the adapter's folder, or name its folder (shadowModel).",
              ),
            ]
          : []),
      ];

/** PEFT looks for a layer's number before a dot that whole blocks do not have: by short names it finds none, by full names all. */
const layerSelectionProblems = (c: ShadowConfig): ReadonlyArray<Problem> =>
  c.layers_to_transform === null || c.target_modules !== null
    ? []
    : [
        problem(
          at('layers_to_transform'),
          'null: PEFT adapts every block whatever it says',
          show(c.layers_to_transform),
          'Name the blocks in target_modules, for example "model.layers.1".',
        ),
      ];

/** Classifiers have a copy for the shadow, which Weft does not run yet. */
const taskProblems = (c: ShadowConfig): ReadonlyArray<Problem> =>
  c.task_type === 'SEQ_CLS'
    ? [unsupported(at('task_type'), '"SEQ_CLS" of ShadowPEFT', 'Shadows are there for causal language models.')]
    : [];

/** What a config may ask for: all problems at once. */
export const validateShadow = (c: ShadowConfig): Result<ShadowConfig> =>
  orProblems([...layerProblems(c), ...layerSelectionProblems(c), ...modelProblems(c), ...taskProblems(c)], () => c);
