import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { torchGenerator, torchRand, torchRandn, type TorchGenerator } from '../../../src/ops/torch-random/index.js';

const take = (g: TorchGenerator, n: number): ReadonlyArray<number> => Array.from({ length: n }, g.random);

describe('torchGenerator', () => {
  it("uses the lowest 32 bits of a seed, of negative ones in two's complement", () => {
    const five = take(torchGenerator(5), 3);
    expect(take(torchGenerator(2 ** 32 + 5), 3)).toEqual(five);
    expect(take(torchGenerator(2n ** 63n + 5n), 3)).toEqual(five);
    expect(take(torchGenerator(-1), 3)).toEqual(take(torchGenerator(2n ** 64n - 1n), 3));
    expect(take(torchGenerator(6), 3)).not.toEqual(five);
  });

  it.each([0.5, NaN, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n])('refuses the seed %s', (seed) => {
    expect(() => torchGenerator(seed)).toThrow(RangeError);
  });

  it('skips as if it had drawn', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (before, n) => {
        const [a, b] = [torchGenerator(3), torchGenerator(3)];
        take(a, before + n);
        take(b, before);
        b.skip(n);
        expect(take(b, 5)).toEqual(take(a, 5));
      }),
    );
  });

  it('clones its state with the kept normal number, and goes its own way after', () => {
    const g = torchGenerator(8);
    torchRandn(g, 3);
    const copy = g.clone();
    torchRand(copy.clone(), 100);
    const here = [...torchRandn(g, 2), ...torchRand(g, 700)];
    expect([...torchRandn(copy, 2), ...torchRand(copy, 700)]).toEqual(here);
  });

  it('keeps the second normal number of a pair, which long draws leave alone', () => {
    const [g, short] = [torchGenerator(0), torchGenerator(0)];
    const pair = torchRandn(short, 2);
    expect(torchRandn(g, 1)[0]).toBe(pair[0]);
    torchRandn(g, 16);
    expect(torchRandn(g, 1)[0]).toBe(pair[1]);
  });

  it('shares nothing with another generator', () => {
    const alone = take(torchGenerator(1), 4);
    const g = torchGenerator(1);
    take(torchGenerator(1), 2);
    expect(take(g, 4)).toEqual(alone);
  });
});
