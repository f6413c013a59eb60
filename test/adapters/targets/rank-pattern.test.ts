import { describe, expect, it } from 'vitest';
import { patternKey, patternValues } from '../../../src/adapters/targets/rank-pattern.js';
import { problemsOf, right } from '../../setup/result.js';
import { patternKeys } from './peft-runs.js';

describe('patternKey', () => {
  it.each(patternKeys)('%j picks what PEFT picks', (patterns, keys) => {
    const keyOf = right(patternKey(patterns, 'test'));
    for (const [module, key] of keys) expect([module, keyOf(module)]).toEqual([module, key]);
  });
});

describe('patternValues', () => {
  it('takes the first pattern that matches up to the end, from the start or a dot', () => {
    const valueOf = right(patternValues({ 'layers\\.0\\..*': 4, q_proj: 8, '^v': 2 }, 'rank_pattern'));
    expect(valueOf('model.layers.0.q_proj')).toBe(4);
    expect(valueOf('model.layers.1.q_proj')).toBe(8);
    expect(valueOf('model.layers.1.kq_proj')).toBeUndefined();
    expect(valueOf('model.q_proj.x')).toBeUndefined();
    expect(valueOf('v')).toBe(2);
    expect(valueOf('m.v')).toBeUndefined();
    expect(valueOf('toString')).toBeUndefined();
  });

  it('names the field and the pattern that cannot be compiled, all at once', () => {
    const problems = problemsOf(patternValues({ '(': 1, 'a(?<=b)': 2, fine: 3 }, 'alpha_pattern'));
    expect(problems.map((p) => p.at.slice(0, 38))).toEqual([
      'adapter_config.json: alpha_pattern, as',
      'adapter_config.json: alpha_pattern, as',
    ]);
  });
});
