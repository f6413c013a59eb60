import { describe, expect, it, vi } from 'vitest';
import { remembered } from '../../src/adapters/remembered.js';

describe('remembered', () => {
  it('computes once for each object, also where the result is undefined', () => {
    const f = vi.fn((x: { readonly n: number }) => (x.n > 1 ? x.n : undefined));
    const g = remembered(f);
    const [a, b, equal] = [{ n: 1 }, { n: 2 }, { n: 1 }];
    expect([g(a), g(a), g(b), g(b), g(equal)]).toEqual([undefined, undefined, 2, 2, undefined]);
    expect(f).toHaveBeenCalledTimes(3);
  });
});
