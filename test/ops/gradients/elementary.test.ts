import fc from 'fast-check';
import { describe, inject, it } from 'vitest';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { runs, shapes } from '../arbitrary.js';
import { expectGradient, gradientOf } from './finite-difference.js';

type Range = readonly [number, number];

const functions: ReadonlyArray<readonly [string, (x: Tensor) => Tensor, Range]> = [
  ['exp', tf.exp, [-1.5, 1.5]],
  ['expm1', tf.expm1, [-1.5, 1.5]],
  ['log', tf.log, [0.5, 2]],
  ['log1p', tf.log1p, [-0.5, 2]],
  ['sqrt', tf.sqrt, [0.5, 2]],
  ['rsqrt', tf.rsqrt, [0.5, 2]],
  ['sin', tf.sin, [-3, 3]],
  ['cos', tf.cos, [-3, 3]],
  ['tanh', tf.tanh, [-2, 2]],
  ['sigmoid', tf.sigmoid, [-3, 3]],
  ['softplus', tf.softplus, [-2, 2]],
  ['erf', tf.erf, [-2, 2]],
  ['relu', tf.relu, [-1.5, 1.5]],
  ['relu6', (x) => tf.relu6(tf.mul(x, 5)), [-2, 2]],
  ['leakyRelu', (x) => tf.leakyRelu(x, 0.3), [-1.5, 1.5]],
  ['elu', tf.elu, [-1.5, 1.5]],
  ['selu', tf.selu, [-1.5, 1.5]],
  ['tan', tf.tan, [-1, 1]],
  ['asin', tf.asin, [-0.7, 0.7]],
  ['acos', tf.acos, [-0.7, 0.7]],
  ['atan', tf.atan, [-2, 2]],
  ['sinh', tf.sinh, [-1.5, 1.5]],
  ['cosh', tf.cosh, [-1.5, 1.5]],
  ['asinh', tf.asinh, [-1.5, 1.5]],
  ['acosh', tf.acosh, [1.5, 3]],
  ['atanh', tf.atanh, [-0.7, 0.7]],
];

/** The software adapter of webgpu computes sin and cos with errors of 2e-4, which differences magnify by 1 / 2h. */
const tolerance = (name: string): { readonly rtol: number; readonly atol: number } =>
  inject('backend') === 'webgpu'
    ? { rtol: 1e-2, atol: name === 'sin' || name === 'cos' ? 0.1 : 1e-2 }
    : { rtol: 4e-3, atol: 4e-3 };

describe('gradients of elementary functions', () => {
  it.each(functions)('%s', (name, f, range) =>
    fc.assert(
      fc.asyncProperty(shapes(0, 3), fc.integer(), (shape, seed) =>
        expectGradient({ f: (x) => f(x as Tensor), shapes: [shape], seed, range, tolerance: tolerance(name) }),
      ),
      { numRuns: runs(10) },
    ),
  );

  it.each(functions)('%s, second order', (name, f, range) =>
    expectGradient({
      f: gradientOf((x) => f(x as Tensor)),
      shapes: [[2, 3]],
      seed: 1,
      range,
      tolerance: tolerance(name),
    }),
  );
});
