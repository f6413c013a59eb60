import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { hira } from '../../../src/adapters/methods/hira.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { sizeOf } from '../../../src/ops/tensor.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, weightsOf } from './trial.js';

const spec = modelOf(
  linearOf('a', 6, 10),
  { name: 'e', kind: 'Embedding', params: { weight: [9, 4] } },
  convOf('c', 4, 3, 2),
);
const on = { target_modules: ['a'] };

const raw = (shape: ReadonlyArray<number>) => ({
  dtype: 'F32' as const,
  shape,
  bytes: encodeFloats('F32', new Float32Array(sizeOf(shape)).fill(0.5)),
});

describe('HiRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ init_weights: 'orthogonal' }, '"gaussian"'],
    [{ hira_dropout: 1 }, 'hira_dropout'],
    [{ target_modules: 'a', layers_to_transform: 0 }, 'no layer selection beside a string'],
    [{ target_modules: 'a', layers_pattern: 'h' }, 'no layer selection beside a string'],
  ])('refuses %j', (config, why) => expect(problemsOf(hira, { ...on, ...config }, spec)).toContain(why));

  it('allows a pattern of layers without layers, as PEFT does', () =>
    expect(problemsOf(hira, { ...on, layers_pattern: 'h' }, spec)).toBe(''));

  it('does not act on grouped convolutions and norms', () => {
    const { conv, ...grouped } = convOf('a', 4, 2, 2);
    expect(problemsOf(hira, on, modelOf({ ...grouped, conv: { ...conv!, groups: 2 } }))).toContain('2 groups');
    expect(problemsOf(hira, on, modelOf({ name: 'a', kind: 'LayerNorm', params: { weight: [4] } }))).toContain(
      'Conv1d, Conv2d or Conv3d',
    );
  });

  it('gives every layer the rank r, as PEFT does, and warns of a rank_pattern', () => {
    const config = { peft_type: 'HIRA', ...on, r: 3, rank_pattern: { a: 2 } };
    const tensors = new Map([
      ['base_model.model.a.hira_A', raw([3, 10])],
      ['base_model.model.a.hira_B', raw([6, 3])],
    ]);
    const decoded = decodeAdapter({ config, tensors }, spec);
    expect(E.isRight(decoded) ? decoded.right.warnings.join() : '').toContain('every layer has rank 3');
  });

  it.each([true, 'gaussian', 'Gaussian'])('starts as the identity with init_weights %j', async (init_weights) => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(hira, { target_modules: ['a', 'e', 'c'], r: 4, init_weights }, spec);
    const merged = mergedBy(leaf, weights);
    for (const [name, W] of Object.entries(weights)) expect(await read(merged[name]!)).toEqual(await read(W));
  });

  it('starts away from it with false', async () => {
    const weights = weightsOf(spec);
    const merged = mergedBy(adapterOf(hira, { ...on, init_weights: false }, spec), weights);
    expect(await read(merged['a.weight']!)).not.toEqual(await read(weights['a.weight']!));
  });
});
