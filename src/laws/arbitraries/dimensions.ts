/**
 * Sizes of axes.
 */
import * as fc from 'fast-check';

/** Sizes at and around those of blocks of vectors and tiles; never powers of two alone. */
export const dimension: fc.Arbitrary<number> = fc.constantFrom(2, 3, 1, 5, 7, 8, 16, 33);

/** Sizes of axes that are multiplied with many others. */
export const smallDimension: fc.Arbitrary<number> = fc.constantFrom(2, 3, 1, 5, 8);

/** Rows and columns, of which at most one matrix in eight is square. */
export const matrixShape: fc.Arbitrary<readonly [number, number]> = fc
  .tuple(dimension, dimension, fc.nat(7))
  .map(([m, n, dice]) => (m === n && dice > 0 ? ([m, n + 1] as const) : ([m, n] as const)));

/** Seeds of drawn numbers. */
export const seed: fc.Arbitrary<number> = fc.nat(2 ** 31 - 1);
