import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../src/ops/backend.js';
import { broadcastIndex, broadcastShapes } from '../../src/ops/broadcast.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { sizeOf, type Shape } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { numbers, runs } from './arbitrary.js';

interface Matrices {
  readonly values: Float32Array;
  readonly shape: Shape;
}

/** Batched product by its definition, in float64. */
const reference = (a: Matrices, b: Matrices, tA: boolean, tB: boolean): number[] => {
  const [p, q] = a.shape.slice(-2) as [number, number];
  const [r, s] = b.shape.slice(-2) as [number, number];
  const [m, k, n] = [tA ? q : p, tA ? p : q, tB ? r : s];
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes(batchA, batchB);
  const [indexA, indexB] = [broadcastIndex(batchA, batch), broadcastIndex(batchB, batch)];
  const at = (x: Matrices, base: number, i: number, j: number, rows: number, cols: number, t: boolean): number =>
    x.values[base * rows * cols + (t ? j * rows + i : i * cols + j)] as number;
  return Array.from({ length: sizeOf(batch) * m * n }, (_, flat) => {
    const [z, i, j] = [Math.floor(flat / (m * n)), Math.floor(flat / n) % m, flat % n];
    let sum = 0;
    for (let l = 0; l < k; l++) {
      sum += at(a, indexA[z] as number, i, l, m, k, tA) * at(b, indexB[z] as number, l, j, k, n, tB);
    }
    return sum;
  });
};

const product = async (a: Matrices, b: Matrices, tA: boolean, tB: boolean): Promise<Float32Array> => {
  const y = scope(() => matMul(tensorOf(a.values, a.shape), tensorOf(b.values, b.shape), tA, tB));
  const values = await read(y);
  y.dispose();
  return values;
};

const batches: ReadonlyArray<readonly [Shape, Shape]> = [
  [[], []],
  [[3], []],
  [[], [3]],
  [[2, 3], [3]],
  [[3], [2, 1]],
  [
    [2, 1],
    [1, 3],
  ],
  [
    [1, 2],
    [2, 2],
  ],
  [[2], [2]],
];

describe('matMul', () => {
  it('is the sum of products for every batch, transpose and size', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...batches),
        fc.boolean(),
        fc.boolean(),
        fc.tuple(
          ...([17, 20, 19].map((max) => fc.integer({ min: 1, max })) as [
            fc.Arbitrary<number>,
            fc.Arbitrary<number>,
            fc.Arbitrary<number>,
          ]),
        ),
        fc.integer(),
        async ([batchA, batchB], tA, tB, [m, k, n], seed) => {
          const shapeA = [...batchA, ...(tA ? [k, m] : [m, k])];
          const shapeB = [...batchB, ...(tB ? [n, k] : [k, n])];
          const a = { values: numbers(seed, sizeOf(shapeA)), shape: shapeA };
          const b = { values: numbers(seed + 1, sizeOf(shapeB)), shape: shapeB };
          expect(await product(a, b, tA, tB)).toBeAllClose(reference(a, b, tA, tB), { rtol: 1e-4, atol: 1e-4 });
        },
      ),
      { numRuns: runs(60) },
    ));

  it('is zero for an empty sum and empty for no rows', async () => {
    const empty = new Float32Array(0);
    expect(await product({ values: empty, shape: [2, 0] }, { values: empty, shape: [0, 3] }, false, false)).toEqual(
      new Float32Array(6),
    );
    expect(
      await product({ values: empty, shape: [0, 2] }, { values: numbers(0, 6), shape: [2, 3] }, false, false),
    ).toEqual(empty);
  });

  it('refuses ranks below 2 and different inner sizes', () =>
    scope(() => {
      const [v, m] = [tensorOf(numbers(0, 3), [3]), tensorOf(numbers(0, 6), [2, 3])];
      expect(() => matMul(v, m)).toThrow(/rank/);
      expect(() => matMul(m, m)).toThrow(/inner sizes 3 and 2/);
    }));

  it('multiplies with few, then many rows by one matrix, and by its reshapes', async () => {
    const w = { values: numbers(5, 40 * 96), shape: [40, 96] };
    const t = tensorOf(w.values, w.shape);
    const reshaped = tf.reshape(t, [96, 40]);
    for (const rows of [1, 3, 64, 2]) {
      const [x, z] = [
        { values: numbers(rows, rows * 40), shape: [rows, 40] },
        { values: numbers(rows, rows * 96), shape: [rows, 96] },
      ];
      const [y, v] = [matMul(tensorOf(x.values, x.shape), t), matMul(tensorOf(z.values, z.shape), reshaped)];
      expect(await read(y)).toBeAllClose(reference(x, w, false, false), { rtol: 1e-4, atol: 1e-4 });
      expect(await read(v)).toBeAllClose(reference(z, { ...w, shape: [96, 40] }, false, false), {
        rtol: 1e-4,
        atol: 1e-4,
      });
    }
  });
});
