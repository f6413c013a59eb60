import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fma } from '../../../src/ops/torch-random/fma.js';

/** A number of 24 bits, as its integer and its exponent. */
const number24 = fc.record({
  m: fc.integer({ min: -(2 ** 24) + 1, max: 2 ** 24 - 1 }),
  e: fc.integer({ min: -30, max: 30 }),
});

const valueOf = ({ m, e }: { readonly m: number; readonly e: number }): number => m * 2 ** e;

/** A whole number rounded to 24 bits, ties to even, in exact arithmetic. */
const round24 = (x: bigint): bigint => {
  const size = x < 0n ? -x : x;
  const unit = 1n << BigInt(Math.max(size.toString(2).length - 24, 0));
  const low = size / unit;
  const twice = 2n * (size % unit);
  const up = twice > unit || (twice === unit && low % 2n === 1n);
  return (x < 0n ? -unit : unit) * (low + (up ? 1n : 0n));
};

describe('fma', () => {
  it('rounds the exact a b + c once', () => {
    fc.assert(
      fc.property(number24, number24, number24, (a, b, c) => {
        // In units of 2^-60.
        const exact = ((BigInt(a.m) * BigInt(b.m)) << BigInt(a.e + b.e + 60)) + (BigInt(c.m) << BigInt(c.e + 60));
        expect(fma(valueOf(a), valueOf(b), valueOf(c)) + 0).toBe(Number(round24(exact)) * 2 ** -60 + 0);
      }),
      { numRuns: 5000 },
    );
  });

  it('is right where the float64 sum lies half-way between two float32 numbers', () => {
    // (1 + x)(1 - x + x^2) = 1 + x^3 with x = 2^-12: 2^-60 above the half-way point 1 + 2^-24, which float64 loses.
    const [a, b] = [2 ** -24 * (1 + 2 ** -12), 1 - 2 ** -12 + 2 ** -24];
    expect(Math.fround(a * b + 1)).toBe(1);
    expect(fma(a, b, 1)).toBe(1 + 2 ** -23);
    expect(fma(a, -b, -1)).toBe(-1 - 2 ** -23);
    // (1 + y)(1 - y) = 1 - y^2 with y = 2^-23: just below the half-way point after 1 + 2^-23.
    const [c, d] = [2 ** -24 * (1 + 2 ** -23), 1 - 2 ** -23];
    expect(Math.fround(c * d + (1 + 2 ** -23))).toBe(1 + 2 ** -22);
    expect(fma(c, d, 1 + 2 ** -23)).toBe(1 + 2 ** -23);
    expect(fma(2 ** -24, 1, 1)).toBe(1);
  });

  it('passes infinities on', () => {
    expect(fma(Infinity, 1, 0)).toBe(Infinity);
    expect(fma(2 ** 100, 2 ** 100, 0)).toBe(Infinity);
    expect(fma(Infinity, 0, 1)).toBeNaN();
  });
});
