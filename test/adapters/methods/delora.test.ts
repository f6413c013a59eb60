import { describe, expect, it } from 'vitest';
import { init } from '../../../src/adapters/init.js';
import { delora } from '../../../src/adapters/methods/delora.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('h.a', 6, 10), linearOf('h.b', 3, 6));
const on = { target_modules: ['a', 'b'], r: 4 };

describe('DeLoRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ rank_pattern: { a: -2 } }, 'ranks by pattern'],
    [{ lambda_pattern: { a: 'much' } }, 'numbers by pattern'],
    [{ target_modules: 'h.*', layers_to_transform: [0] }, 'no layer selection beside a string'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ module_dropout: -0.5 }, 'a number in [0, 1)'],
  ])('refuses %j', (config, why) => expect(problemsOf(delora, { ...on, ...config }, spec)).toContain(why));

  it('needs the base weights to start from', () => {
    const made = init(delora, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('whose column norms DeLoRA keeps');
  });

  it('keeps the norms of columns, which are not trained, and takes ranks and bounds by pattern', async () => {
    const leaf = adapterOf(delora, { ...on, rank_pattern: { b: 2 }, lambda_pattern: { a: 3 } }, spec);
    const shapes = shapesOf(leaf);
    expect(shapes['base_model.model.h.b.delora_A']).toEqual([2, 6]);
    expect(leaf.trainable.some((name) => name.endsWith('delora_w_norm'))).toBe(false);
    expect([...(await read(leaf.params['base_model.model.h.a.delora_lambda']!))]).toEqual([3]);
    const W = await read(weightsOf(spec)['h.a.weight']!);
    const norms = Array.from({ length: 10 }, (_, c) =>
      Math.hypot(...Array.from({ length: 6 }, (_, r) => W[r * 10 + c]!)),
    );
    expect(await read(leaf.params['base_model.model.h.a.delora_w_norm']!)).toBeAllClose(norms);
  });

  it('bounds its change by lambda, and starts at the base', async () => {
    const one = modelOf(linearOf('a', 6, 10));
    const weights = weightsOf(one);
    const W = await read(weights['a.weight']!);
    const change = async (init_weights: boolean): Promise<ReadonlyArray<number>> => {
      const leaf = adapterOf(delora, { target_modules: ['a'], r: 4, delora_lambda: 2, init_weights }, one);
      const merged = await read(mergedBy(leaf, weights)['a.weight']!);
      return [...merged].map((v, i) => v - W[i]!);
    };
    expect(Math.max(...(await change(true)).map(Math.abs))).toBe(0);
    const size = Math.hypot(...(await change(false)));
    const largest = Math.max(
      ...Array.from({ length: 10 }, (_, c) => Math.hypot(...Array.from({ length: 6 }, (_, r) => W[r * 10 + c]!))),
    );
    expect(size).toBeGreaterThan(0.1);
    expect(size).toBeLessThanOrEqual(2 * largest * (1 + 1e-5));
  });
});
