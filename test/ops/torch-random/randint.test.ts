import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random64Mod, torchRandint, torchRandint64 } from '../../../src/ops/torch-random/randint.js';
import { torchGenerator } from '../../../src/ops/torch-random/generator.js';

const g = torchGenerator(0);

describe('random64Mod', () => {
  it('is the remainder of the 64 bits of two draws', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 37 }), (seed, m) => {
        const [a, b] = [torchGenerator(seed), torchGenerator(seed)];
        const high = BigInt(b.random());
        expect(BigInt(random64Mod(a, m))).toBe(((high << 32n) | BigInt(b.random())) % BigInt(m));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('torchRandint', () => {
  it.each([
    [0, 0],
    [3, 2],
    [0, 2 ** 31 + 1],
    [-(2 ** 31) - 1, 0],
    [0, 1.5],
  ])('refuses the range [%d, %d)', (low, high) => {
    expect(() => torchRandint(g, 1, low, high)).toThrow(RangeError);
  });

  it('of int64 refuses empty and too wide ranges', () => {
    expect(() => torchRandint64(g, 1, 1n, 1n)).toThrow(RangeError);
    expect(() => torchRandint64(g, 1, 0n, 2n ** 63n)).toThrow(RangeError);
    expect(() => torchRandint64(g, 1, -(2n ** 63n) - 1n, 0n)).toThrow(RangeError);
  });
});
