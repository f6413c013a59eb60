import { describe, expect, it } from 'vitest';
import { registry } from '../../../src/adapters/registry.js';
import { changed, defaultTargets, loraTargets } from '../../../src/adapters/targets/defaults.js';
import { ia3Feedforward } from '../../../src/adapters/targets/defaults/others.js';
import { compilePattern } from '../../../src/adapters/targets/pattern.js';
import { E } from '../../../src/fp.js';

const targetsOf = (method: string, type: string | undefined) => defaultTargets(registry[method]?.targets, type);

describe('default targets', () => {
  it('has the 40 model types of PEFT', () => {
    expect(Object.keys(loraTargets)).toHaveLength(40);
    expect(targetsOf('LORA', 'phi')).toEqual(['q_proj', 'v_proj', 'fc1', 'fc2']);
    expect(targetsOf('LORA', 'gpt2')).toEqual(['c_attn']);
  });

  it.each([
    ['HIRA', 'llama', ['q_proj', 'v_proj']],
    ['VERA', 'phi', ['q_proj', 'v_proj']],
    ['SHIRA', 'gpt2', ['c_attn']],
    ['FOURIERFT', 'gpt2', ['mlp.c_proj']],
    ['WAVEFT', 'rwkv7', undefined],
    ['ADALORA', 'roberta', ['query', 'key', 'value', 'dense']],
    ['VBLORA', 'roberta', ['query', 'value']],
    ['VBLORA', 'mistral', undefined],
    ['BEFT', 'qwen2', ['v_proj']],
    ['BEFT', 'gpt2', undefined],
    ['IA3', 'mixtral', ['k_proj', 'v_proj', 'w2']],
    ['LN_TUNING', 'qwen2', ['post_attention_layernorm']],
    ['OSF', 'gptj', ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc_in', 'fc_out']],
    ['FROD', 'vit', ['query', 'value']],
    ['PVERA', 'dinov2', ['query', 'value']],
    ['TRAINABLE_TOKENS', 'llama', undefined],
  ] as const)('gives %s on %s the targets %j', (method, type, targets) =>
    expect(targetsOf(method, type)).toEqual(targets),
  );

  it('scales the inputs of the last target of IA3, but for mt5', () => {
    expect(ia3Feedforward['bloom']).toEqual(['mlp.dense_4h_to_h']);
    expect(ia3Feedforward['mt5']).toEqual([]);
    expect(Object.keys(ia3Feedforward)).toHaveLength(27);
  });

  it('knows no other types, methods or inherited names', () => {
    expect(targetsOf('LORA', undefined)).toBeUndefined();
    expect(targetsOf('LORA', 'constructor')).toBeUndefined();
    expect(defaultTargets(undefined, 'llama')).toBeUndefined();
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
