/** Distances between float32 numbers. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ulpDistance, ulpOf } from '../../src/laws/index.js';

const float = fc.float({ noNaN: true, noDefaultInfinity: true });

/** The next larger float32 of a number >= 0. */
const next = (x: number): number => {
  const bits = new Uint32Array(Float32Array.of(Math.abs(x)).buffer);
  return new Float32Array(Uint32Array.of((bits[0] as number) + 1).buffer)[0] as number;
};

describe('ulpDistance', () => {
  it('counts steps from one float32 to the next, across zero too', () => {
    expect(ulpDistance(1, 1 + 2 ** -23)).toBe(1);
    expect(ulpDistance(1, 1 - 2 ** -24)).toBe(1);
    expect(ulpDistance(-(2 ** -149), 2 ** -149)).toBe(2);
    expect(ulpDistance(0, -0)).toBe(0);
    expect(ulpDistance(3.4028234663852886e38, Infinity)).toBe(1);
  });

  it('knows NaN', () => {
    expect(ulpDistance(NaN, NaN)).toBe(0);
    expect(ulpDistance(NaN, 1)).toBe(Infinity);
    expect(ulpDistance(1, NaN)).toBe(Infinity);
  });

  it('is a metric on numbers', () => {
    fc.assert(
      fc.property(float, float, float, (a, b, c) => {
        expect(ulpDistance(a, b)).toBe(ulpDistance(b, a));
        expect(ulpDistance(a, b) === 0).toBe(a === b);
        expect(ulpDistance(a, c)).toBeLessThanOrEqual(ulpDistance(a, b) + ulpDistance(b, c));
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('ulpOf', () => {
  it('is the step to the next float32', () => {
    fc.assert(
      fc.property(
        float.filter((x) => Math.abs(x) < 3.4e38),
        (x) => {
          expect(ulpOf(x)).toBe(next(x) - Math.abs(x));
          expect(ulpDistance(Math.abs(x), Math.abs(x) + ulpOf(x))).toBe(1);
        },
      ),
      { numRuns: 500, seed: 2 },
    );
  });

  it('is the smallest subnormal around zero and infinite for infinity', () => {
    expect(ulpOf(0)).toBe(2 ** -149);
    expect(ulpOf(2 ** -126)).toBe(2 ** -149);
    expect(ulpOf(1)).toBe(2 ** -23);
    expect(ulpOf(-Infinity)).toBe(Infinity);
  });
});
