import { describe, expect, it } from 'vitest';
import { changed, defaultTargets, loraTargets } from '../../../src/adapters/targets/defaults.js';
import { compilePattern } from '../../../src/adapters/targets/pattern.js';
import { E } from '../../../src/fp.js';

describe('defaultTargets', () => {
  it('has the 40 model types of PEFT', () => {
    expect(Object.keys(loraTargets)).toHaveLength(40);
    expect(defaultTargets('LORA', 'phi')).toEqual(['q_proj', 'v_proj', 'fc1', 'fc2']);
    expect(defaultTargets('LORA', 'gpt2')).toEqual(['c_attn']);
  });

  it('knows no other types, methods or inherited names', () => {
    expect(defaultTargets('LORA', undefined)).toBeUndefined();
    expect(defaultTargets('LORA', 'constructor')).toBeUndefined();
    expect(defaultTargets('toString', 'llama')).toBeUndefined();
  });

  it('holds regular expressions that compile', () => {
    const patterns = Object.values(loraTargets).filter((t) => typeof t === 'string');
    expect(patterns).toHaveLength(1);
    expect(patterns.every((p) => E.isRight(compilePattern(p, 'test')))).toBe(true);
  });
});

describe('changed', () => {
  it('sets rows and leaves others out', () => {
    expect(changed({ a: ['x'], b: ['y'] }, { b: ['z'], c: 'w' }, ['a'])).toEqual({ b: ['z'], c: 'w' });
  });
});
