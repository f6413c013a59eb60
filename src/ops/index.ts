/**
 * Tensors and the operations that Weft computes with, on tfjs's backends.
 */
export {
  currentBackend,
  dispose,
  gpuErrors,
  numTensors,
  read,
  scope,
  tensorOf,
  useBackend,
  type Backend,
  type BackendOptions,
} from './backend.js';
export { bitsOf, byteLength, decodeFloats, encodeFloats, isFloat, type DType } from './dtype.js';
export {
  lookup,
  mapRecord,
  recordOf,
  sameShape,
  showShape,
  sizeOf,
  type Shape,
  type Tensor,
  type Weights,
} from './tensor.js';
export { activation, gelu, geluTanh, quickGelu, relu, silu, type Activation } from './activation.js';
export { attention, type AttentionOptions } from './attention.js';
export { checkpoint } from './checkpoint.js';
export { convNd, type ConvOptions } from './conv.js';
export { matMul } from './mat-mul.js';
export { layerNorm, rmsNorm } from './norm.js';
export {
  bits,
  foldIn,
  kaimingUniform,
  key,
  keyFor,
  normal,
  normalValues,
  split,
  uniform,
  uniformValues,
  type Key,
} from './random.js';
export { rotateHeads, type Rotation } from './rotate-heads.js';
export { logSoftmax, logSumExp } from './softmax.js';
export { noGrad, stopGradient } from './stop-gradient.js';
export { valueAndGrad, type ValueAndGrad } from './value-and-grad.js';
export { tf } from './tf.js';
