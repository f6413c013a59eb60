import { describe, expect, it } from 'vitest';
import {
  kaimingBound,
  torchGenerator,
  torchKaimingUniform,
  torchUniform,
} from '../../../src/ops/torch-random/index.js';

describe('torchUniform', () => {
  it('never gives the upper bound where the type has room below it', () => {
    const drawn = torchUniform(torchGenerator(1), 50_000, 0, 1, 'BF16');
    expect(Math.max(...drawn)).toBe(1 - 2 ** -8);
  });

  it('refuses bounds in the wrong order', () => {
    expect(() => torchUniform(torchGenerator(0), 1, 1, 0)).toThrow(RangeError);
    expect(() => torchUniform(torchGenerator(0), 1, 0, NaN)).toThrow(RangeError);
  });
});

describe('kaiming', () => {
  it('divides by the fan, with the gain of its slope', () => {
    expect(kaimingBound([7, 4, 3, 3])).toBeCloseTo(Math.sqrt(6 / 36), 14);
    expect(kaimingBound([7, 4, 3, 3], { mode: 'fan_out' })).toBeCloseTo(Math.sqrt(6 / 63), 14);
    expect(kaimingBound([7, 4], { a: Math.sqrt(5) })).toBeCloseTo(1 / 2, 14);
  });

  it('refuses a vector, which has no fan', () => {
    expect(() => torchKaimingUniform(torchGenerator(0), [4])).toThrow(RangeError);
  });
});
