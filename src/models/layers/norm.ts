/**
 * Normalization layers over plain, merged or attached weights.
 */
import type { ModelWeights } from '../../adapters/attached.js';
import * as ops from '../../ops/norm.js';
import type { Tensor } from '../../ops/tensor.js';
import { paramKey } from '../spec.js';
import { optionalParameter, parameter } from './parameter.js';

/** (x - mean) / sqrt(var + eps) w + b over the last axis; x [..., D], `module.weight` [D], `module.bias` [D] optional. */
export const layerNorm = (p: ModelWeights, module: string, x: Tensor, eps: number): Tensor =>
  ops.layerNorm(x, parameter(p, paramKey(module, 'weight')), optionalParameter(p, paramKey(module, 'bias')), eps);

/** x / sqrt(mean(x^2) + eps) w over the last axis; x [..., D], `module.weight` [D]. */
export const rmsNorm = (p: ModelWeights, module: string, x: Tensor, eps: number): Tensor =>
  ops.rmsNorm(x, parameter(p, paramKey(module, 'weight')), eps);
