import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { torchGenerator, torchRand, torchRandperm, RANDPERM_64 } from '../../../src/ops/torch-random/index.js';
import { insideOut } from '../../../src/ops/torch-random/randperm.js';

const sizes = fc.nat(400).chain((n) => fc.tuple(fc.constant(n), fc.nat(n)));

/** Inside out with all n places, as torch keeps them; the 64-bit remainder in whole numbers. */
const reference = (seed: number, n: number): ReadonlyArray<number> => {
  const g = torchGenerator(seed);
  const out: number[] = [];
  for (let i = 0; i < n; i++) {
    const high = BigInt(g.random());
    const z = Number(((high << 32n) | BigInt(g.random())) % BigInt(i + 1));
    out[i] = i;
    [out[i], out[z]] = [out[z]!, out[i]!];
  }
  return out;
};

describe('torchRandperm', () => {
  it('is a permutation', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(), (n, seed) => {
        const drawn = torchRandperm(torchGenerator(seed), n);
        expect([...drawn].toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('of k entries is the beginning of the whole, and leaves the generator at the same place', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([n, k], seed) => {
        const [a, b] = [torchGenerator(seed), torchGenerator(seed)];
        expect(torchRandperm(a, n, k)).toEqual(torchRandperm(b, n).slice(0, k));
        expect(torchRand(a, 1)).toEqual(torchRand(b, 1));
      }),
    );
  });

  it('inside out needs only the places it returns', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([n, k], seed) => {
        expect([...insideOut(torchGenerator(seed), n, k)]).toEqual(reference(seed, n).slice(0, k));
      }),
    );
  });

  it('passes over 200 million draws without making them', () => {
    expect([...torchRandperm(torchGenerator(5), RANDPERM_64 - 1, 4)]).toEqual([
      94459959, 22248453, 89044632, 134552128,
    ]);
  });

  it.each([
    [5, 6],
    [5, -1],
    [2.5, 1],
    [2 ** 31 + 1, 1],
  ])('refuses n %d and k %d', (n, k) => {
    expect(() => torchRandperm(torchGenerator(0), n, k)).toThrow(RangeError);
  });
});
