/**
 * The architectures that Weft can run, by `model_type`.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E } from '../fp.js';
import type { Tensor } from '../ops/tensor.js';
import { fail, renderProblems, type Result } from '../problem.js';
import type { Config } from './config.js';
import { gpt2 } from './gpt2.js';
import { gptOss } from './gpt-oss.js';
import { llama } from './llama.js';
import { languageModel, type Forward, type Inputs, type LanguageModel, type Model } from './model.js';
import { opt } from './opt.js';
import { withPrompts } from './prompt.js';
import type { ModelSpec } from './spec.js';

type Prepare = (modelType: string, config: Config) => Result<LanguageModel>;

/** A model with its configuration type hidden, so that models of different ones share a table. */
const entries = <C>({ modelTypes, decode, prepare }: Model<C>): ReadonlyArray<readonly [string, Prepare]> =>
  modelTypes.map(
    (modelType) =>
      [
        modelType,
        (name, config) => E.map((c: C) => languageModel(withPrompts(prepare(c))))(decode(name, config)),
      ] as const,
  );

const models: ReadonlyMap<string, Prepare> = new Map([
  ...entries(llama),
  ...entries(gpt2),
  ...entries(opt),
  ...entries(gptOss),
]);

/** Every `model_type` with a forward pass. */
export const modelTypes: ReadonlyArray<string> = [...models.keys()];

const isLanguageModel = (className: string): boolean => /(ForCausalLM|LMHeadModel)$/i.test(className);

/**
 * A language model that is ready to run.
 *
 * @returns problems for an unknown `model_type`, a class without a language-model head, and every field of config.json that does not fit
 */
export const languageModelOf = (spec: ModelSpec): Result<LanguageModel> => {
  const prepare = spec.modelType === undefined ? undefined : models.get(spec.modelType);
  if (spec.modelType === undefined || prepare === undefined)
    return fail(
      'config.json: model_type',
      `one of ${modelTypes.join(', ')}`,
      spec.modelType ?? 'nothing',
      'adapters apply to the weights of any model, only the forward pass needs a known one',
    );
  if (spec.className !== undefined && !isLanguageModel(spec.className))
    return fail('config.json: architectures', 'a model with a language-model head', spec.className);
  return prepare(spec.modelType, spec.config);
};

/** The forward pass of a model without its cache; problems as those of `languageModelOf`. */
export const modelOf = (spec: ModelSpec): Result<Forward> =>
  E.map(
    ({ run }: LanguageModel): Forward =>
      (weights, inputs) =>
        run(weights, inputs).logits,
  )(languageModelOf(spec));

/**
 * Logits of a language model.
 *
 * Throws a `TypeError` where `modelOf(spec)` has problems; prepare once with `modelOf` to run a model many times.
 *
 * @param weights of the model that `spec` describes, plain, merged or attached
 * @param inputs token ids [B, T], with mask and positions where needed
 * @returns logits [B, T, vocabulary]
 */
export const forward = (spec: ModelSpec, weights: ModelWeights, inputs: Inputs): Tensor => {
  const model = modelOf(spec);
  if (E.isLeft(model)) throw new TypeError(renderProblems(model.left));
  return model.right(weights, inputs);
};
