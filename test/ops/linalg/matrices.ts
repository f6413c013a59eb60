/**
 * Matrices for tests, and what they are checked for.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { identity, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { numbers } from '../arbitrary.js';

/** Random entries in [-1, 1). */
export const random = (seed: number, rows: number, cols: number): Matrix => ({
  rows,
  cols,
  data: Float64Array.from(numbers(seed, rows * cols)),
});

export const diagonal = (values: ArrayLike<number>): Matrix => {
  const I = identity(values.length);
  return { ...I, data: Float64Array.from(I.data, (x, i) => (x === 0 ? 0 : (values[i % values.length] as number))) };
};

/** `X X^T` and the like. */
export const gram = (x: Matrix): Matrix => multiply(transposed(x), x);

export const mapped = (x: Matrix, f: (v: number, i: number, j: number) => number): Matrix => ({
  ...x,
  data: Float64Array.from(x.data, (v, k) => f(v, Math.floor(k / x.cols), k % x.cols)),
});

/** The largest magnitude of an entry. */
export const size = (x: Matrix): number => Float64Array.from(x.data).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** Equal shapes, and entries within `tolerance` times the largest expected one. */
export const expectClose = (actual: Matrix, expected: Matrix, tolerance = 1e-13): void => {
  expect([actual.rows, actual.cols]).toEqual([expected.rows, expected.cols]);
  expect(actual.data).toBeAllClose(expected.data, { rtol: 0, atol: tolerance * Math.max(size(expected), 1e-300) });
};

export const expectOrthonormalColumns = (x: Matrix, tolerance = 1e-13): void =>
  expectClose(gram(x), identity(x.cols), tolerance);

/** Matrices of many kinds: any shape from empty to 12, of full or lower rank, scaled, graded, with repeated columns. */
export const matrices: fc.Arbitrary<Matrix> = fc
  .record({
    m: fc.integer({ min: 0, max: 12 }),
    n: fc.integer({ min: 0, max: 12 }),
    seed: fc.integer(),
    rank: fc.integer({ min: 0, max: 12 }),
    scale: fc.constantFrom(1, 1, 1e-200, 1e200, 1e-30),
    kind: fc.constantFrom('full', 'low rank', 'graded', 'repeated', 'sparse'),
  })
  .map(({ m, n, seed, rank, scale, kind }) => {
    const full = random(seed, m, n);
    const scaled = (x: Matrix): Matrix => mapped(x, (v) => v * scale);
    switch (kind) {
      case 'full':
        return scaled(full);
      case 'low rank':
        return scaled(multiply(random(seed + 1, m, rank), random(seed + 2, rank, n)));
      case 'graded':
        return scaled(mapped(full, (v, _, j) => v * 10 ** -j));
      case 'repeated':
        return scaled(mapped(full, (_, i, j) => full.data[i * n + Math.floor(j / 2)] as number));
      case 'sparse':
        return scaled(mapped(full, (v) => (Math.abs(v) < 0.7 ? 0 : v)));
    }
  });
