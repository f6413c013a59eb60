/**
 * Matchers for numbers.
 */
import { expect } from 'vitest';

/** Allowed error: |actual - expected| <= atol + rtol |expected|. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

type Numbers = ArrayLike<number>;

declare module 'vitest' {
  // The parameter and its default are vitest's.
  // oxlint-disable-next-line typescript/no-explicit-any
  interface Matchers<T = any> {
    /** Equal lengths and close elements; NaN equals NaN and infinities equal themselves. Defaults: rtol 1e-5, atol 1e-6. */
    toBeAllClose: (expected: ArrayLike<number>, tolerance?: Tolerance) => T;
  }
}

/** How far beyond its tolerance an element is, in tolerances; above 1 fails. */
const excess = (actual: number, expected: number, { rtol = 1e-5, atol = 1e-6 }: Tolerance): number => {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const error = Math.abs(actual - expected);
  return Number.isFinite(error) ? error / (atol + rtol * Math.abs(expected)) : Infinity;
};

const head = (x: Numbers): string =>
  `[${Array.from({ length: Math.min(8, x.length) }, (_, i) => x[i]).join(', ')}${x.length > 8 ? ', ...' : ''}]`;

expect.extend({
  toBeAllClose(actual: Numbers, expected: Numbers, tolerance: Tolerance = {}) {
    if (actual.length !== expected.length) {
      return { pass: false, message: () => `expected ${expected.length} numbers, found ${actual.length}` };
    }
    const excesses = Array.from(actual, (a, i) => excess(a, expected[i] as number, tolerance));
    const worst = excesses.reduce((w, e, i) => (e > (excesses[w] as number) ? i : w), 0);
    const failed = excesses.filter((e) => e > 1).length;
    return {
      pass: failed === 0,
      message: () =>
        failed === 0
          ? `expected numbers to differ from ${head(expected)}`
          : `${failed} of ${actual.length} elements differ; worst at ${worst}: expected ${expected[worst]}, found ${actual[worst]}` +
            ` (${excesses[worst]?.toPrecision(3)} times its tolerance)\nexpected ${head(expected)}\nfound    ${head(actual)}`,
    };
  },
});
