import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearHint, nearNames } from '../../../src/adapters/targets/near.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['kitten', 'sitting', 3],
    ['q_proj', 'q_prj', 1],
    ['abc', '', 3],
  ])('%s to %s is %i', (a, b, d) => {
    expect(editDistance(a, b)).toBe(d);
  });

  it('is a metric', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
      { seed: 5 },
    );
  });
});

describe('nearNames', () => {
  const names = ['model', 'model.layers.0.q_proj', 'model.layers.0.k_proj', 'model.layers.0.mlp.down_proj'];

  it('compares as many segments as the wanted name has, nearest first', () => {
    expect(nearNames('k_prj', names)).toEqual(['k_proj', 'q_proj']);
    expect(nearNames('mlp.down', names)).toEqual([]);
    expect(nearNames('mpl.down_proj', names)).toEqual(['mlp.down_proj']);
    expect(nearNames('x'.repeat(10_000), names)).toEqual([]);
  });

  it('lists what there is when nothing is near', () => {
    expect(nearHint('zzzzzz', names)).toBe('The model has: model, q_proj, k_proj, down_proj');
    expect(nearHint('zzzzzz', [])).toBe('');
  });
});
