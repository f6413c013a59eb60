import { describe, expect, it, vi } from 'vitest';
import { memory, remembered } from '../../src/adapters/remembered.js';

describe('remembered', () => {
  it('computes once for each object, also where the result is undefined', () => {
    const f = vi.fn((x: { readonly n: number }) => (x.n > 1 ? x.n : undefined));
    const g = remembered(f);
    const [a, b, equal] = [{ n: 1 }, { n: 2 }, { n: 1 }];
    expect([g(a), g(a), g(b), g(b), g(equal)]).toEqual([undefined, undefined, 2, 2, undefined]);
    expect(f).toHaveBeenCalledTimes(3);
  });
});

describe('memory', () => {
  it('knows results by all objects in their order, and by how they were asked for', () => {
    const known = memory<number>();
    const [a, b] = [{}, {}];
    const asked = [
      [[], ''],
      [[a], ''],
      [[a], 'other'],
      [[b], ''],
      [[a, b], ''],
      [[b, a], ''],
      [[a, a], ''],
    ] as const;
    const first = asked.map(([keys, how], i) => known(keys, how, () => i));
    expect(first).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(asked.map(([keys, how]) => known(keys, how, () => -1))).toEqual(first);
  });

  it('computes again what does not serve, and keeps that', () => {
    const known = memory<number>();
    const [a, compute] = [{}, vi.fn((n: number) => n)];
    const atLeast = (n: number): number =>
      known(
        [a],
        '',
        () => compute(n),
        (x) => x >= n,
      );
    expect([3, 2, 5, 4, 3].map(atLeast)).toEqual([3, 3, 5, 5, 5]);
    expect(compute.mock.calls).toEqual([[3], [5]]);
  });

  it('keeps nothing of what threw', () => {
    const known = memory<number>();
    const a = {};
    const refuse = (): never => {
      throw new RangeError('no');
    };
    expect(() => known([a], '', refuse)).toThrow('no');
    expect(known([a], '', () => 1)).toBe(1);
  });
});
