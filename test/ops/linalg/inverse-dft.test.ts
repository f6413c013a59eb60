import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { inverseDft2, type SpectrumPositions } from '../../../src/ops/linalg/inverse-dft.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { numbers, runs } from '../arbitrary.js';
import { expectGradient } from '../gradients/finite-difference.js';
import { reference, storedTensor } from './reference.js';

const positions = (seed: number, count: number, m: number, n: number): SpectrumPositions => ({
  rows: Int32Array.from(numbers(seed, count, 0, m), Math.floor),
  cols: Int32Array.from(numbers(seed + 1, count, 0, n), Math.floor),
});

const transform = async (c: Float32Array, at: SpectrumPositions, m: number, n: number): Promise<Float32Array> => {
  const y = scope(() => inverseDft2(tensorOf(c, [c.length]), at, m, n));
  expect(y.shape).toEqual([m, n]);
  const values = await read(y);
  y.dispose();
  return values;
};

describe('inverseDft2', () => {
  it.each(reference.dft.map((c) => [c.m, c.n, c] as const))('equals torch: %d by %d', async (m, n, c) => {
    const y = scope(() =>
      inverseDft2(storedTensor(c.c), { rows: Int32Array.from(c.rows), cols: Int32Array.from(c.cols) }, m, n),
    );
    expect(y.shape).toEqual([m, n]);
    expect(await read(y)).toBeAllClose(c.y.data);
    y.dispose();
  });

  it('is its sum of cosines for every size, with repeated positions', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer(),
        async (m, n, count, seed) => {
          const c = numbers(seed, count);
          const at = positions(seed + 1, count, m, n);
          const expected = Array.from({ length: m * n }, (_, k) => {
            const [p, q] = [Math.floor(k / n), k % n];
            return c.reduce((sum, x, i) => {
              const angle = ((at.rows[i] as number) * p) / m + ((at.cols[i] as number) * q) / n;
              return sum + (x * Math.cos(2 * Math.PI * angle)) / (m * n);
            }, 0);
          });
          expect(await transform(c, at, m, n)).toBeAllClose(expected, { atol: 2e-6 });
        },
      ),
      { numRuns: runs(50) },
    ));

  it.each([
    [8, 12],
    [7, 32],
    [5, 67],
    [67, 9],
  ])('is its sum of cosines by fast transforms or by products, %d by %d', async (m, n) => {
    const c = numbers(1, 20);
    const at = positions(2, 20, m, n);
    const expected = Array.from({ length: m * n }, (_, k) =>
      c.reduce((sum, x, i) => {
        const angle = ((at.rows[i] as number) * Math.floor(k / n)) / m + ((at.cols[i] as number) * (k % n)) / n;
        return sum + (x * Math.cos(2 * Math.PI * angle)) / (m * n);
      }, 0),
    );
    expect(await transform(c, at, m, n)).toBeAllClose(expected, { atol: 2e-7 });
  });

  it('of nothing is zero, and refuses other numbers of positions', async () => {
    expect([...(await transform(new Float32Array(0), positions(1, 0, 2, 3), 2, 3))]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(() => scope(() => inverseDft2(tensorOf(new Float32Array(2), [2]), positions(1, 3, 2, 2), 2, 2))).toThrow(
      RangeError,
    );
  });

  it.each([
    [4, 5],
    [1, 3],
    [2, 1],
    [2, 67],
  ])('gradient, %d by %d', (m, n) =>
    expectGradient({ f: (c) => inverseDft2(c as Tensor, positions(3, 4, m, n), m, n), shapes: [[4]], seed: 4 }),
  );
});
