/**
 * Models of every kind behind one function of inputs.
 */
import type { ModelWeights } from '../adapters/attached.js';
import type { Tensor } from '../ops/tensor.js';
import type { EncoderInputs, EncoderModel } from './encoder.js';
import { runEncoderDecoder, type EncoderDecoderInputs, type EncoderDecoderModel } from './encoder-decoder.js';
import type { ImageInputs, ImageModel } from './image.js';
import type { Inputs, LanguageModel } from './model.js';

/** A model by what it reads. */
export type AnyModel =
  | { readonly _tag: 'Decoder'; readonly model: LanguageModel }
  | { readonly _tag: 'Encoder'; readonly model: EncoderModel }
  | { readonly _tag: 'EncoderDecoder'; readonly model: EncoderDecoderModel }
  | { readonly _tag: 'Image'; readonly model: ImageModel };

/** The inputs of some model. */
export type ModelInputs = Inputs | EncoderInputs | EncoderDecoderInputs | ImageInputs;

/** What a model computes of inputs, as its class says: logits or hidden states; differentiable in the weights. */
export type Forward = (weights: ModelWeights, inputs: ModelInputs) => Tensor;

const named = (inputs: ModelInputs): ReadonlyArray<string> =>
  Object.entries(inputs).flatMap(([name, value]) => (value === undefined ? [] : [name]));

/** Throws unless one of the names is given. */
const expectOne = (inputs: ModelInputs, names: ReadonlyArray<string>, hint: string): void => {
  const found = named(inputs);
  if (!names.some((name) => found.includes(name)))
    throw new TypeError(
      `inputs: expected ${names.join(' or ')} for ${hint}, found ${found.length === 0 ? 'nothing' : found.join(', ')}`,
    );
};

const TOKENS = ['inputIds', 'inputsEmbeds'];

/** Runs a model; inputs of another kind of model are a `TypeError`, and inputs that do not fit each other a `RangeError`. */
export const runModel = (any: AnyModel, weights: ModelWeights, inputs: ModelInputs): Tensor => {
  switch (any._tag) {
    case 'Decoder':
      expectOne(inputs, TOKENS, 'a language model');
      return any.model.run(weights, inputs as Inputs).logits;
    case 'Encoder':
      expectOne(inputs, TOKENS, 'an encoder');
      return any.model.run(weights, inputs as EncoderInputs);
    case 'EncoderDecoder':
      expectOne(inputs, TOKENS, 'the encoder');
      expectOne(inputs, ['decoderInputIds', 'decoderInputsEmbeds'], 'the decoder (shiftRight makes them of labels)');
      return runEncoderDecoder(any.model, weights, inputs as EncoderDecoderInputs);
    case 'Image':
      expectOne(inputs, ['pixelValues'], 'an image model');
      return any.model.run(weights, inputs as ImageInputs);
  }
};
