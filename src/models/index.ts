/**
 * Language models as pure functions of weights, and module trees as data.
 */
export { cacheLength, disposeCache, type Cache, type LayerCache } from './cache.js';
export { disposeDecoding, prefill, step, type Decoding, type PrefillOptions, type Sequences } from './decode.js';
export { generate, type GenerateOptions } from './generate.js';
export { attention, asHeads, swapHeads } from './layers/attention.js';
export { convolution } from './layers/convolution.js';
export { embedding } from './layers/embedding.js';
export { conv1D, linear } from './layers/linear.js';
export { causalMask, type Sight } from './layers/mask.js';
export { multiheadAttention, type Attending } from './layers/multihead-attention.js';
export { layerNorm, rmsNorm } from './layers/norm.js';
export { optionalParameter, parameter } from './layers/parameter.js';
export { attentionFactor, frequencies, type Rope, type RopeScaling } from './layers/rope.js';
export { rotate, rotationOf, type Positions, type Rotation } from './layers/rotate.js';
export { causalCrossEntropy, IGNORED } from './loss.js';
export type {
  Context,
  Forward,
  Geometry,
  Inputs,
  LanguageModel,
  LanguageModelParts,
  Run,
  States,
  Tokens,
} from './model.js';
export { disposePrepared, prepareForDecode } from './prepare.js';
export { forward, languageModelOf, modelOf, modelTypes } from './registry.js';
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
