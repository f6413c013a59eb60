/**
 * Models as pure functions of weights, and module trees as data.
 */
export { runModel, type AnyModel, type Forward, type ModelInputs } from './any-model.js';
export { cacheLength, disposeCache, type Cache, type LayerCache } from './cache.js';
export { beginOf, type Begin, type Continuation } from './continuation.js';
export { detachedShadow, shadowLoss } from './detached-shadow.js';
export { disposeDecoding, prefill, step, type Decoding, type PrefillOptions, type Sequences } from './decode.js';
export type { EncoderInputs, EncoderModel } from './encoder.js';
export {
  runEncoderDecoder,
  shiftRight,
  type Encoded,
  type EncoderDecoderInputs,
  type EncoderDecoderModel,
  type SourceInputs,
  type TargetInputs,
} from './encoder-decoder.js';
export { generate, type GenerateOptions } from './generate.js';
export type { ImageInputs, ImageModel } from './image.js';
export { layerInputs, type LayerInputs } from './layer-inputs.js';
export { attention, asHeads, swapHeads } from './layers/attention.js';
export { convolution } from './layers/convolution.js';
export { embedding } from './layers/embedding.js';
export { conv1D, linear } from './layers/linear.js';
export { causalMask, paddingMask, type Sight } from './layers/mask.js';
export { multiheadAttention, type Attending } from './layers/multihead-attention.js';
export { layerNorm, rmsNorm } from './layers/norm.js';
export { optionalParameter, parameter } from './layers/parameter.js';
export { attentionFactor, frequencies, type Rope, type RopeScaling } from './layers/rope.js';
export { rotationOf, type Positions } from './layers/rotate.js';
export {
  binaryCrossEntropy,
  causalCrossEntropy,
  crossEntropy,
  IGNORED,
  meanSquaredError,
  spanCrossEntropy,
} from './loss.js';
export type { Context, Geometry, Inputs, LanguageModel, LanguageModelParts, Run, States, Tokens } from './model.js';
export { disposePrepared, prepareForDecode } from './prepare.js';
export { anyModelOf, encoderDecoderOf, forward, languageModelOf, modelOf, modelTypes } from './registry.js';
export { argmax, distribution, draw, type Filters, type Sampling } from './sampling.js';
export {
  fileKeyOf,
  ownerOf,
  paramKey,
  parameters,
  type ConvGeometry,
  type ModelSpec,
  type ModuleKind,
  type ModuleSpec,
} from './spec.js';
export { replicateLayers, specFromModules, specOf, untie } from './spec-of.js';
