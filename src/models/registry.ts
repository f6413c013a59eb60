/**
 * The architectures that Weft can run, by `model_type`.
 */
import type { ModelWeights } from '../adapters/attached.js';
import { E } from '../fp.js';
import type { Tensor } from '../ops/tensor.js';
import { fail, renderProblems, type Result } from '../problem.js';
import { runModel, type AnyModel, type Forward, type ModelInputs } from './any-model.js';
import { bert } from './bert.js';
import { configField } from './config.js';
import type { EncoderDecoderModel } from './encoder-decoder.js';
import { gpt2 } from './gpt2.js';
import { gptOss } from './gpt-oss.js';
import { llama } from './llama.js';
import { languageModel, type LanguageModel, type Model } from './model.js';
import { opt } from './opt.js';
import { withPrompts } from './prompt.js';
import { withRouter } from './router.js';
import { withShadow } from './shadow.js';
import type { ModelSpec } from './spec.js';
import { t5 } from './t5.js';
import { vit } from './vit.js';

type Prepare = (modelType: string, spec: ModelSpec) => Result<AnyModel>;

/** A model with its configuration type hidden, so that models of different ones share a table. */
const entries = <C, M>(
  { modelTypes, decode, prepare }: Model<C, M>,
  tagged: (model: M) => AnyModel,
): ReadonlyArray<readonly [string, Prepare]> =>
  modelTypes.map((modelType) => [
    modelType,
    (name, { config, className }) =>
      E.map((c: C) => withPrompts(withShadow(withRouter(tagged(prepare(c))), (spec) => languageModelOf(spec))))(
        decode(name, config, className),
      ),
  ]);

const isLanguageModel = (className: string): boolean => /(ForCausalLM|LMHeadModel)$/i.test(className);

/** Decoders, whose forward passes end in a language-model head. */
const decoders = <C>(model: Model<C>): ReadonlyArray<readonly [string, Prepare]> =>
  entries(
    {
      ...model,
      decode: (modelType, config, className) =>
        className === undefined || isLanguageModel(className)
          ? model.decode(modelType, config, className)
          : fail(configField('architectures'), 'a model with a language-model head', className),
    },
    (parts) => ({ _tag: 'Decoder', model: languageModel(parts) }),
  );

const models: ReadonlyMap<string, Prepare> = new Map([
  ...decoders(llama),
  ...decoders(gpt2),
  ...decoders(opt),
  ...decoders(gptOss),
  ...entries(bert, (model) => ({ _tag: 'Encoder', model })),
  ...entries(t5, (any) => any),
  ...entries(vit, (model) => ({ _tag: 'Image', model })),
]);

/** Every `model_type` with a forward pass. */
export const modelTypes: ReadonlyArray<string> = [...models.keys()];

/**
 * A model of any kind that is ready to run.
 *
 * @returns problems for an unknown `model_type`, a class without a forward pass, and every field of config.json that does not fit
 */
export const anyModelOf = (spec: ModelSpec): Result<AnyModel> => {
  const prepare = spec.modelType === undefined ? undefined : models.get(spec.modelType);
  return spec.modelType === undefined || prepare === undefined
    ? fail(
        configField('model_type'),
        `one of ${modelTypes.join(', ')}`,
        spec.modelType ?? 'nothing',
        'adapters apply to the weights of any model, only the forward pass needs a known one',
      )
    : prepare(spec.modelType, spec);
};

/** A language model that is ready to run; problems as those of `anyModelOf`, and one for every other kind of model. */
export const languageModelOf = (spec: ModelSpec): Result<LanguageModel> =>
  E.chain((any: AnyModel) =>
    any._tag === 'Decoder'
      ? E.right(any.model)
      : fail(configField('architectures'), 'a decoder with a language-model head', spec.className ?? 'nothing'),
  )(anyModelOf(spec));

/** An encoder-decoder that is ready to run; problems as those of `anyModelOf`, and one for every other kind of model. */
export const encoderDecoderOf = (spec: ModelSpec): Result<EncoderDecoderModel> =>
  E.chain((any: AnyModel) =>
    any._tag === 'EncoderDecoder'
      ? E.right(any.model)
      : fail(configField('architectures'), 'an encoder-decoder', spec.className ?? 'nothing'),
  )(anyModelOf(spec));

/** The forward pass of a model: its logits, or its hidden states where its class has no head; problems as those of `anyModelOf`. */
export const modelOf = (spec: ModelSpec): Result<Forward> =>
  E.map(
    (any: AnyModel): Forward =>
      (weights, inputs) =>
        runModel(any, weights, inputs),
  )(anyModelOf(spec));

/**
 * What a model computes: logits, or hidden states where its class has no head.
 *
 * Throws a `TypeError` where `modelOf(spec)` has problems, or for inputs of another kind of model; prepare once with `modelOf` to run
 * a model many times.
 *
 * @param weights of the model that `spec` describes, plain, merged or attached
 * @param inputs token ids [B, T] with mask and positions where needed, the decoder's ids beside them, or pixel values
 * @returns [B, T, vocabulary] of language models; what else there is, the model's kind says
 */
export const forward = (spec: ModelSpec, weights: ModelWeights, inputs: ModelInputs): Tensor => {
  const model = modelOf(spec);
  if (E.isLeft(model)) throw new TypeError(renderProblems(model.left));
  return model.right(weights, inputs);
};
