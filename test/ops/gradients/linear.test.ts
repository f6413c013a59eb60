import fc from 'fast-check';
import { describe, it } from 'vitest';
import { matMul } from '../../../src/ops/mat-mul.js';
import type { Shape, Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { runs } from '../arbitrary.js';
import { expectGradient, gradientOf } from './finite-difference.js';

const batches: ReadonlyArray<readonly [Shape, Shape]> = [
  [[], []],
  [[2], []],
  [[], [2]],
  [[2, 1], [2]],
  [[1, 2], [2]],
  [[2, 2], [2]],
  [[2], [2, 2]],
];

const size = fc.integer({ min: 1, max: 3 });

describe('gradients of matrix products', () => {
  it('matMul with transposes and broadcast batches', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...batches),
        fc.tuple(size, size, size),
        fc.boolean(),
        fc.boolean(),
        fc.integer(),
        ([batchA, batchB], [m, k, n], tA, tB, seed) =>
          expectGradient({
            f: (a, b) => matMul(a as Tensor, b as Tensor, tA, tB),
            shapes: [
              [...batchA, ...(tA ? [k, m] : [m, k])],
              [...batchB, ...(tB ? [n, k] : [k, n])],
            ],
            seed,
          }),
      ),
      { numRuns: runs(30) },
    ));

  it("tfjs's matMul of a batch and a matrix", () =>
    expectGradient({
      f: (a, b) => tf.matMul(a as Tensor, b as Tensor),
      shapes: [
        [2, 3, 4],
        [4, 2],
      ],
      seed: 1,
    }));

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('second order, transposes %s %s', (tA, tB) =>
    expectGradient({
      f: gradientOf((a, b) => tf.square(matMul(a as Tensor, b as Tensor, tA, tB))),
      shapes: [tA ? [3, 2] : [2, 3], tB ? [2, 3] : [3, 2]],
      seed: 4,
      tolerance: { rtol: 5e-3, atol: 1e-2 },
    }),
  );
});
