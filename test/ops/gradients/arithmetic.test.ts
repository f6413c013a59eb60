import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { broadcastPairs, runs, shapes } from '../arbitrary.js';
import { expectGradient, gradientOf, type Case } from './finite-difference.js';

type Binary = (a: Tensor, b: Tensor) => Tensor;
type Range = readonly [number, number];

/** Range without zero crossings. */
const positive: Range = [0.5, 2];
const signed: Range = [-1.5, 1.5];

const binaries: ReadonlyArray<readonly [string, Binary, Range]> = [
  ['add', tf.add, signed],
  ['sub', tf.sub, signed],
  ['mul', tf.mul, signed],
  ['div', tf.div, positive],
  ['pow', tf.pow, positive],
  ['squaredDifference', tf.squaredDifference, signed],
  ['mod', (a, b) => tf.mod(tf.add(a, 0.013), tf.add(tf.mul(b, 0), 3)), positive],
  ['atan2', tf.atan2, positive],
  ['maximum', tf.maximum, signed],
  ['minimum', tf.minimum, signed],
];

const unaries: ReadonlyArray<readonly [string, (x: Tensor) => Tensor, Range]> = [
  ['neg', tf.neg, signed],
  ['square', tf.square, signed],
  ['reciprocal', tf.reciprocal, positive],
  ['abs', tf.abs, signed],
  ['clipByValue', (x) => tf.clipByValue(x, -0.5001, 0.5003), signed],
  ['pow with a negative base', (x) => tf.pow(x, 3), signed],
  ['addN', (x) => tf.addN([x, tf.square(x), x]), signed],
];

const withRange = (c: Case, range: Range): Case => ({ ...c, range });

describe('gradients of arithmetic', () => {
  it.each(binaries)('%s, broadcast', (_name, f, range) =>
    fc.assert(
      fc.asyncProperty(broadcastPairs, fc.integer(), ([a, b], seed) =>
        expectGradient(withRange({ f: (x, y) => f(x as Tensor, y as Tensor), shapes: [a, b], seed }, range)),
      ),
      { numRuns: runs(15) },
    ),
  );

  it.each(unaries)('%s', (_name, f, range) =>
    fc.assert(
      fc.asyncProperty(shapes(0, 3), fc.integer(), (shape, seed) =>
        expectGradient(
          withRange({ f: (x) => f(x as Tensor), shapes: [shape], seed, tolerance: { rtol: 5e-3 } }, range),
        ),
      ),
      { numRuns: runs(10) },
    ),
  );

  it.each(binaries)('%s, second order', (_name, f, range) =>
    expectGradient(
      withRange(
        {
          f: gradientOf((x, y) => tf.square(f(x as Tensor, y as Tensor))),
          shapes: [[2, 3], [3]],
          seed: 5,
          tolerance: { rtol: 1e-2, atol: 1e-2 },
        },
        range,
      ),
    ),
  );

  it('shares the gradient of maximum and minimum among equals', async () => {
    for (const f of [tf.maximum, tf.minimum]) {
      const { grads } = scope(() =>
        valueAndGrad((p) => tf.sum(f(p['a'] as Tensor, p['b'] as Tensor)))({
          a: tensorOf(Float32Array.of(1, 2), [2]),
          b: tensorOf(Float32Array.of(1, 2), [2]),
        }),
      );
      expect(await read(grads['a'] as Tensor)).toBeAllClose([0.5, 0.5]);
      expect(await read(grads['b'] as Tensor)).toBeAllClose([0.5, 0.5]);
    }
  });

  it('is finite for pow at zero', async () => {
    const { grads } = scope(() =>
      valueAndGrad((p) => tf.sum(tf.pow(p['a'] as Tensor, p['b'] as Tensor)))({
        a: tensorOf(Float32Array.of(0, 0, 3), [3]),
        b: tensorOf(Float32Array.of(0, 2, 0), [3]),
      }),
    );
    expect(await read(grads['a'] as Tensor)).toBeAllClose([0, 0, 0]);
    expect(await read(grads['b'] as Tensor)).toBeAllClose([0, 0, Math.log(3)]);
  });
});
