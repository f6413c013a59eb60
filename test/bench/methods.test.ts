import { describe, expect, it } from 'vitest';
import { mergings, notMerged } from '../../bench/methods/adapters.js';
import { peftTypes } from '../../src/adapters/registry.js';

describe('the bench of methods', () => {
  it('merges every method of PEFT, or says why PEFT does not', () => {
    const listed = new Set([...mergings.map(({ type }) => type), ...Object.keys(notMerged)]);
    expect(peftTypes.filter((type) => !listed.has(type))).toEqual([]);
  });

  it('lists no method twice', () => {
    expect(mergings.filter(({ type }) => type in notMerged)).toEqual([]);
  });
});
