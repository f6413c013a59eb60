import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { oft } from '../../../src/adapters/methods/oft.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10));
const on = { target_modules: ['a'] };

/** The divisor of n nearest to p, by PEFT's rule: the lower one of two, n for everything from n on. */
const adjusted = (n: number, p: number): number =>
  p >= n
    ? n
    : Array.from({ length: n }, (_, i) => i + 1)
        .filter((d) => n % d === 0)
        .reduce((best, d) => (Math.abs(d - p) < Math.abs(best - p) ? d : best));

describe('OFT', () => {
  it.each([
    [{ r: 2 }, 'one of r and oft_block_size'],
    [{ r: 0, oft_block_size: 0 }, 'one of r and oft_block_size'],
    [{ r: -1, oft_block_size: 0 }, 'at least 0'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ init_weights: 'gaussian' }, 'init_weights'],
    [{ bias: 'some' }, '_only'],
  ])('refuses %j', (config, why) => expect(problemsOf(oft, { ...on, ...config }, spec)).toContain(why));

  it('takes configs of PEFT before 0.14 for what they are', () =>
    expect(problemsOf(oft, { ...on, r: 8 }, spec)).toContain('before 0.14'));

  it('refuses dilated, grouped and oblong convolutions and other kinds', () => {
    const dilated = convOf('a', 4, 2, 3, 2);
    const conv = convOf('a', 4, 2, 3);
    const grouped = { ...conv, conv: { ...conv.conv!, groups: 2 } };
    const oblong = { ...conv, conv: { ...conv.conv!, kernel: [3, 1] } };
    expect(problemsOf(oft, on, modelOf(dilated))).toContain('without dilation');
    expect(problemsOf(oft, on, modelOf(grouped))).toContain('one group');
    expect(problemsOf(oft, on, modelOf(oblong))).toContain('square kernel');
    expect(problemsOf(oft, on, modelOf({ ...linearOf('a', 4, 4), kind: 'Conv1D' }))).toContain('of kind Conv1D');
  });

  it('brings sizes that do not divide to the nearest divisor', () => {
    for (const n of [1, 2, 7, 10, 12, 36]) {
      for (let p = 1; p <= n + 2; p++) {
        const model = modelOf(linearOf('a', 3, n));
        const size = adjusted(n, p);
        const bySize = shapesOf(adapterOf(oft, { ...on, oft_block_size: p }, model));
        const byNumber = shapesOf(adapterOf(oft, { ...on, r: p, oft_block_size: 0 }, model));
        const [blocks, rest] = [n / size, (size * (size - 1)) / 2];
        expect(bySize['base_model.model.a.oft_R.weight'], `${p} of ${n}`).toEqual([blocks, rest]);
        expect(byNumber['base_model.model.a.oft_R.weight']).toEqual([size, (blocks * (blocks - 1)) / 2]);
      }
    }
  });

  it('warns of adjusted sizes and of the series of older versions', () => {
    const json = { peft_type: 'OFT', ...on, oft_block_size: 4, peft_version: '0.17.1' };
    const raw = { dtype: 'F32' as const, shape: [2, 10], bytes: encodeFloats('F32', new Float32Array(20)) };
    const decoded = decodeAdapter({ config: json, tensors: new Map([['base_model.model.a.oft_R.weight', raw]]) }, spec);
    const warnings = E.isRight(decoded) ? decoded.right.warnings.join('\n') : '';
    expect(warnings).toContain('oft_block_size = 5 instead of 4');
    expect(warnings).toContain('before 0.18');
  });

  it('is orthogonal in its exact form, and its series is the inverse of it', async () => {
    const weights = weightsOf(spec);
    const config = { ...on, oft_block_size: 5, init_weights: false };
    const exact = adapterOf(oft, { ...config, use_cayley_neumann: false }, spec);
    const series = adapterOf(oft, { ...config, num_cayley_neumann_terms: 40 }, spec);
    const turned = mergedBy(exact, weights);
    const back = mergedBy(series, turned);
    expect(await read(back['a.weight']!)).toBeAllClose(await read(weights['a.weight']!), { atol: 1e-5 });
    const norm = (x: Float32Array): number => Math.sqrt(x.reduce((n, v) => n + v * v, 0));
    expect(norm(await read(turned['a.weight']!))).toBeCloseTo(norm(await read(weights['a.weight']!)), 4);
  });
});
