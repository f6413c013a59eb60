import fc from 'fast-check';
import { expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { sizeOf } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { numbers, runs, shapes } from '../arbitrary.js';
import { coordinatesOf, flatOf } from './row-major.js';

const reductions = shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()])));

it('sums over any axes', () =>
  fc.assert(
    fc.asyncProperty(reductions, fc.boolean(), fc.integer(), async ([shape, axes], keepDims, seed) => {
      const x = numbers(seed, sizeOf(shape));
      const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
      const sums = Array<number>(sizeOf(kept)).fill(0);
      coordinatesOf(shape).forEach((at, i) => {
        const target = flatOf(
          at.map((c, j) => (axes.includes(j) ? 0 : c)),
          kept,
        );
        sums[target] = (sums[target] as number) + (x[i] as number);
      });
      const y = scope(() => tf.sum(tensorOf(x, shape), axes, keepDims));
      expect(y.shape).toEqual(keepDims ? kept : shape.filter((_, i) => !axes.includes(i)));
      expect(await read(y)).toBeAllClose(sums);
      y.dispose();
    }),
    { numRuns: runs(100) },
  ));

it('sums integers and truth values', async () => {
  const x = tensorOf(Int32Array.of(1, 2, 3, 4), [2, 2]);
  expect(await read(tf.sum(x, 0))).toEqual(Float32Array.of(4, 6));
  expect(await read(tf.sum(tf.greater(x, 1), 0))).toEqual(Float32Array.of(1, 2));
});

it('sums nothing to 0, also where memory was used before', async () => {
  for (let i = 0; i < 20; i++) tensorOf(Float32Array.of(7, 7, 7), [3]).dispose();
  const y = scope(() => tf.sum(tensorOf(new Float32Array(0), [3, 0]), 1));
  expect(await read(y)).toEqual(new Float32Array(3));
  y.dispose();
});
