import { describe, expect, it } from 'vitest';
import {
  numpyChoice,
  numpyRandomState,
  numpyShuffle,
  numpyWeightedChoice,
  pcg64,
} from '../../../../src/ops/torch-random/index.js';
import { seedWords } from '../../../../src/ops/torch-random/numpy/seed-sequence.js';

describe('seedWords', () => {
  it('hashes a seed as SeedSequence does', () => {
    expect([...seedWords(0, 4)]).toEqual([2968811710, 3677149159, 745650761, 2884920346]);
    expect([...seedWords(2n ** 200n + 3n, 4)]).toEqual([3367603068, 3194675685, 257809341, 3487384937]);
  });

  it.each([-1, 0.5, 2 ** 53, -1n])('refuses the seed %s', (seed) => {
    expect(() => pcg64(seed)).toThrow(RangeError);
  });
});

describe('pcg64', () => {
  it('clones its state with the kept half', () => {
    const g = pcg64(1);
    g.next32();
    const copy = g.clone();
    const here = [g.next32(), g.next32(), g.next32()];
    expect([copy.next32(), copy.next32(), copy.next32()]).toEqual(here);
  });
});

describe('choice and shuffle', () => {
  it('leave their argument as it is', () => {
    const values = Int32Array.of(1, 2, 3, 4, 5);
    numpyShuffle(pcg64(0), values);
    expect([...values]).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    [3, 4],
    [3, -1],
    [0.5, 0],
  ])('refuse n %d and k %d', (n, k) => {
    expect(() => numpyChoice(pcg64(0), n, k)).toThrow(RangeError);
  });
});

describe('RandomState', () => {
  it('refuses seeds outside 32 bits', () => {
    expect(() => numpyRandomState(-1)).toThrow(RangeError);
    expect(() => numpyRandomState(2 ** 32)).toThrow(RangeError);
  });

  it('never chooses what has no probability', () => {
    const p = Float64Array.of(0, 0.5, 0, 0.25, 0.25);
    expect([...numpyWeightedChoice(numpyRandomState(4), p, 3)].toSorted()).toEqual([1, 3, 4]);
    expect(() => numpyWeightedChoice(numpyRandomState(4), p, 4)).toThrow(RangeError);
  });
});
