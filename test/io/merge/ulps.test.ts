/** Distances between tensors at rest. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceOf, joinDistances, noDistance } from '../../../src/io/merge/ulps.js';
import { encodeFloats, type DType } from '../../../src/ops/dtype.js';

const bytes = (dtype: DType, ...values: ReadonlyArray<number>): Uint8Array =>
  encodeFloats(dtype, Float32Array.from(values));

const floats: ReadonlyArray<DType> = ['F32', 'F64', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'];

describe('distanceOf', () => {
  it.each(floats)('of %s counts steps between neighbours', (dtype) => {
    const digits = { F32: 23, F64: 52, F16: 10, BF16: 7, F8_E4M3: 3, F8_E5M2: 2 }[dtype as 'F32'];
    // F64 goes through float32 here, whose neighbours are 2^29 of its own
    const step = dtype === 'F64' ? 2 ** -23 : 2 ** -digits;
    expect(distanceOf(dtype, bytes(dtype, 1, 2, -1), bytes(dtype, 1 + step, 2, -1))).toEqual({
      elements: 3,
      differing: 1,
      ulps: dtype === 'F64' ? 2 ** 29 : 1,
      error: step,
      largest: 2,
    });
  });

  it.each(floats)('of %s takes both zeros for the same value, and counts across them', (dtype) => {
    expect(distanceOf(dtype, bytes(dtype, 0), bytes(dtype, -0))).toMatchObject({ differing: 1, ulps: 0, error: 0 });
    if (dtype === 'F64') return;
    const smallest = { F32: 2 ** -149, F16: 2 ** -24, BF16: 2 ** -133, F8_E4M3: 2 ** -9, F8_E5M2: 2 ** -16 }[
      dtype as 'F32'
    ];
    expect(distanceOf(dtype, bytes(dtype, smallest), bytes(dtype, -smallest))).toMatchObject({ ulps: 2 });
  });

  it.each(floats)('of %s is infinite where one side only is NaN', (dtype) => {
    expect(distanceOf(dtype, bytes(dtype, NaN), bytes(dtype, 1))).toMatchObject({ ulps: Infinity, error: Infinity });
    expect(distanceOf(dtype, bytes(dtype, NaN), bytes(dtype, NaN))).toMatchObject({ ulps: 0, error: 0, largest: 0 });
  });

  it('of integers is the difference', () => {
    expect(distanceOf('I16', bytes('I16', 3, -4), bytes('I16', 3, 5))).toMatchObject({
      differing: 1,
      ulps: 9,
      error: 9,
    });
  });

  it('reads bytes that are not aligned', () => {
    const whole = new Uint8Array(9);
    whole.set(bytes('F32', 1, 2), 1);
    expect(distanceOf('F32', whole.subarray(1), bytes('F32', 1, 2))).toMatchObject({ differing: 0, ulps: 0 });
  });

  it('is a metric on numbers: zero for equal ones, symmetric, with the triangle inequality', () => {
    const number = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        const d = (x: number, y: number): number => distanceOf('F32', bytes('F32', x), bytes('F32', y)).ulps;
        expect(d(a, a)).toBe(0);
        expect(d(a, b)).toBe(d(b, a));
        expect(d(a, c)).toBeLessThanOrEqual(d(a, b) + d(b, c));
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('refuses runs of different lengths', () => {
    expect(() => distanceOf('F32', bytes('F32', 1), bytes('F32', 1, 2))).toThrow(RangeError);
  });
});

describe('joinDistances', () => {
  const run = fc.array(fc.tuple(fc.float({ noNaN: true }), fc.float({ noNaN: true })), { maxLength: 8 });
  const distance = (pairs: ReadonlyArray<readonly [number, number]>) =>
    distanceOf('F32', bytes('F32', ...pairs.map(([a]) => a)), bytes('F32', ...pairs.map(([, b]) => b)));

  it('is the distance of runs one after the other, with noDistance as unit', () => {
    fc.assert(
      fc.property(run, run, (a, b) => {
        expect(joinDistances(distance(a), distance(b))).toEqual(distance([...a, ...b]));
        expect(joinDistances(distance(a), noDistance)).toEqual(distance(a));
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});
