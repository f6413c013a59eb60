import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { logSoftmax } from '../../../src/ops/softmax.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { runs, shapes } from '../arbitrary.js';
import { expectGradient, gradientOf } from './finite-difference.js';

type Reduce = (x: Tensor, axes: number[], keepDims: boolean) => Tensor;

const reductions: ReadonlyArray<readonly [string, Reduce]> = [
  ['sum', tf.sum],
  ['mean', tf.mean],
  ['max', tf.max],
  ['min', tf.min],
  ['prod', tf.prod],
];

const rows: ReadonlyArray<readonly [string, (x: Tensor) => Tensor]> = [
  ['softmax', (x) => tf.softmax(x)],
  ['logSoftmax', logSoftmax],
  ["tfjs's logSoftmax", (x) => tf.logSoftmax(x)],
];

describe('gradients of reductions', () => {
  it.each(reductions)('%s over any axes', (_name, f) =>
    fc.assert(
      fc.asyncProperty(
        shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, i) => i)))),
        fc.boolean(),
        fc.boolean(),
        fc.integer(),
        ([shape, axes], negative, keepDims, seed) =>
          expectGradient({
            f: (x) =>
              f(
                x as Tensor,
                axes.map((a) => (negative ? a - shape.length : a)),
                keepDims,
              ),
            shapes: [shape],
            seed,
          }),
      ),
      { numRuns: runs(12) },
    ),
  );

  it.each(rows)('%s over the last axis', (_name, f) =>
    fc.assert(
      fc.asyncProperty(shapes(1, 3), fc.integer(), (shape, seed) =>
        expectGradient({ f: (x) => f(x as Tensor), shapes: [shape], seed }),
      ),
      { numRuns: runs(10) },
    ),
  );

  it('cumprod in both directions, also where factors are zero', async () => {
    await fc.assert(
      fc.asyncProperty(shapes(1, 3), fc.boolean(), fc.boolean(), fc.integer(), (shape, exclusive, reverse, seed) =>
        expectGradient({
          f: (x) => tf.cumprod(x as Tensor, shape.length - 1, exclusive, reverse),
          shapes: [shape],
          seed,
        }),
      ),
      { numRuns: runs(10) },
    );
    expect(await gradient((x) => tf.sum(tf.cumprod(x)), [2, 0, 3])).toBeAllClose([1, 2 + 6, 0]);
  });

  it('logSumExp, second order', () =>
    expectGradient({ f: gradientOf((x) => tf.logSumExp(x as Tensor, -1)), shapes: [[2, 3]], seed: 2 }));

  it.each(rows)('%s, second order', (_name, f) =>
    expectGradient({ f: gradientOf((x) => f(x as Tensor)), shapes: [[2, 3]], seed: 2 }),
  );

  it.each(reductions)('%s, second order', (_name, f) =>
    expectGradient({ f: gradientOf((x) => tf.square(f(x as Tensor, [1], false))), shapes: [[2, 3]], seed: 2 }),
  );

  it('cumsum in both directions', () =>
    fc.assert(
      fc.asyncProperty(shapes(1, 3), fc.boolean(), fc.boolean(), fc.integer(), (shape, exclusive, reverse, seed) =>
        expectGradient({
          f: (x) => tf.cumsum(x as Tensor, shape.length - 1, exclusive, reverse),
          shapes: [shape],
          seed,
        }),
      ),
      { numRuns: runs(10) },
    ));

  const gradient = async (f: (x: Tensor) => Tensor, values: ReadonlyArray<number>): Promise<Float32Array> => {
    const { grads } = scope(() =>
      valueAndGrad((p) => f(p['x'] as Tensor))({ x: tensorOf(Float32Array.from(values), [values.length]) }),
    );
    return read(grads['x'] as Tensor);
  };

  it('shares the gradient of max and min among equals', async () => {
    expect(await gradient((x) => tf.max(x), [1, 3, 3, 0])).toBeAllClose([0, 0.5, 0.5, 0]);
    expect(await gradient((x) => tf.min(x), [0, 3, 0, 0])).toBeAllClose([1 / 3, 0, 1 / 3, 1 / 3]);
  });

  it('of prod is right where factors are zero', async () => {
    expect(await gradient((x) => tf.prod(x), [2, 0, 3])).toBeAllClose([0, 6, 0]);
    expect(await gradient((x) => tf.prod(x), [0, 0, 3])).toBeAllClose([0, 0, 0]);
  });
});
