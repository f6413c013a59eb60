/**
 * These polynomials are near the functions they stand for; that their last bits are torch's is for the streams to show.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { log24, sinCos } from '../../../src/ops/torch-random/vector-math.js';

describe('log24', () => {
  it('is the logarithm of k 2^-24', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 24 - 1 }), (k) => {
        const exact = Math.log(k * 2 ** -24);
        expect(Math.abs(log24(k) - exact)).toBeLessThanOrEqual(2 ** -22 * Math.abs(exact));
      }),
    );
    expect(log24(2 ** 24)).toBe(0);
  });
});

describe('sinCos', () => {
  it('is the sine and cosine in every octant', () => {
    fc.assert(
      fc.property(fc.float({ min: 0, max: Math.fround(20), noNaN: true }), (angle) => {
        const [sin, cos] = sinCos(angle);
        expect(Math.abs(sin - Math.sin(angle))).toBeLessThan(2 ** -22);
        expect(Math.abs(cos - Math.cos(angle))).toBeLessThan(2 ** -22);
      }),
    );
  });
});
