import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimalTargets } from '../../../src/adapters/targets/minimal.js';
import { isNamed } from '../../../src/adapters/targets/targeting.js';
import { minimal } from './peft-runs.js';

describe('minimalTargets', () => {
  it.each(minimal)('%j beside %j', (targets, others, expected) => {
    expect(minimalTargets(targets, others).toSorted()).toEqual(expected);
  });

  it('matches every target and no other module, with no more names than targets', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c', '0', '1'), { minLength: 1, maxLength: 4 })
      .map((p) => p.join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 25 }), fc.nat(24), (names, cut) => {
        const targets = names.slice(0, cut + 1);
        const wanted = new Set(targets);
        const others = names.slice(cut + 1).filter((n) => !isNamed(wanted, n));
        const small = new Set(minimalTargets(targets, others));
        expect(small.size).toBeLessThanOrEqual(targets.length);
        expect(targets.every((t) => isNamed(small, t))).toBe(true);
        expect(others.some((o) => isNamed(small, o))).toBe(false);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
