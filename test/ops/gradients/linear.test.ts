import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { reshape } from '../../../src/ops/reshape.js';
import type { Shape, Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
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

  it('of a matrix that enters several products and a sum, to second order', async () => {
    const f = (x: Tensor | undefined, w: Tensor | undefined): Tensor => {
      const [a, b] = [x, w] as [Tensor, Tensor];
      const flat = reshape(a, [4, 3]);
      const products = tf.add(matMul(flat, b), reshape(matMul(a, tf.square(b)), [4, 3]));
      return tf.add(tf.add(flat, products), matMul(flat, matMul(flat, flat, true)));
    };
    const shapes = [
      [2, 2, 3],
      [3, 3],
    ];
    await expectGradient({ f, shapes, seed: 5, tolerance: { rtol: 5e-3, atol: 1e-2 } });
    await expectGradient({ f: gradientOf(f), shapes, seed: 6, tolerance: { rtol: 1e-2, atol: 2e-2 } });
  });

  it('changes nothing that others have, where a gradient is added to theirs', async () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const [x, w, constant] = [values, values, values].map((v) => tensorOf(v, [2, 2])) as [Tensor, Tensor, Tensor];
    const op = tf.customGrad(() => ({ value: tf.scalar(1), gradFunc: () => tf.clone(constant) }));
    const { value, grads } = valueAndGrad((p) => {
      const product = tf.sum(matMul(p['x'] as Tensor, w));
      return tf.add(product, op(p['x'] as Tensor));
    })({ x });
    // ones w^T + constant
    expect(await read(grads['x'] as Tensor)).toEqual(Float32Array.of(4, 9, 6, 11));
    for (const t of [x, w, constant]) expect(await read(t)).toEqual(values);
    tf.dispose([value, grads['x'] as Tensor]);
  });

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
