/**
 * ShadowConfig: PEFT's fields, defaults and checks.
 */
import * as t from 'io-ts';
import { orProblems, problem, unsupported, type Problem, type Result } from '../../../problem.js';
import { field, floatField, nullable, show, type BaseConfig, type Fields, type Values } from '../../config.js';
import { layerProblems, naturalInt, positiveInt, probability, targeting } from '../../targeting-fields.js';

/** The value of `shadow_model` that builds a smaller model of the base's kind. */
const MIRROR = 'mirror';

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
  shadow_model: field(t.string, MIRROR),
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
        unsupported(
          at('shadow_model'),
          show(c.shadow_model),
          'The file of such an adapter holds the tensors of that model, but not its architecture; "mirror" builds one of the base\'s kind.',
        ),
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
