import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { hra } from '../../../src/adapters/methods/hra.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10));
const on = { target_modules: ['a'] };

const change = async (config: Readonly<Record<string, unknown>>): Promise<number> => {
  const weights = weightsOf(spec);
  const merged = await read(mergedBy(adapterOf(hra, { ...on, ...config }, spec), weights)['a.weight']!);
  const W = await read(weights['a.weight']!);
  return Math.max(...merged.map((v, i) => Math.abs(v - W[i]!)));
};

describe('HRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ apply_GS: 'yes' }, 'apply_GS'],
    [{ target_modules: 'a', layers_to_transform: [0] }, 'no layer selection beside a string'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(hra, { ...on, ...config }, spec)).toContain(why));

  it('acts on linear layers and convolutions alone', () =>
    expect(problemsOf(hra, on, modelOf({ name: 'a', kind: 'Embedding', params: { weight: [4, 4] } }))).toContain(
      'a Linear or Conv2d',
    ));

  it('starts as the identity with an even rank and not with an odd one, of which it warns', async () => {
    expect(await change({ r: 4 })).toBeLessThan(1e-5);
    expect(await change({ r: 3 })).toBeGreaterThan(0.1);
    const raw = { dtype: 'F32' as const, shape: [10, 3], bytes: encodeFloats('F32', new Float32Array(30).fill(1)) };
    const tensors = new Map([['base_model.model.a.hra_u', raw]]);
    const decoded = decodeAdapter({ config: { peft_type: 'HRA', ...on, r: 3 }, tensors }, spec);
    expect(E.isRight(decoded) ? decoded.right.warnings.join() : '').toContain('an odd number of reflections (3)');
  });

  it('keeps the lengths of rows, with and without Gram-Schmidt', async () => {
    const weights = weightsOf(spec);
    const W = await read(weights['a.weight']!);
    const lengths = (x: Float32Array): ReadonlyArray<number> =>
      Array.from({ length: 6 }, (_, i) => Math.hypot(...x.subarray(10 * i, 10 * i + 10)));
    for (const apply_GS of [false, true]) {
      const leaf = adapterOf(hra, { ...on, r: 5, init_weights: false, apply_GS }, spec);
      const merged = await read(mergedBy(leaf, weights)['a.weight']!);
      expect(lengths(merged)).toBeAllClose(lengths(W), { rtol: 1e-5 });
    }
  });
});
