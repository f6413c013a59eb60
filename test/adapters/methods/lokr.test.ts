import { describe, expect, it } from 'vitest';
import { factorization, lokr } from '../../../src/adapters/methods/lokr.js';
import { read } from '../../../src/ops/backend.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 12, 20), convOf('c', 16, 12, 3), convOf('d', 8, 8, 1));
const on = { target_modules: ['a'] };

/** n, factor and what PEFT's `factorization` makes of them. */
const peft: ReadonlyArray<readonly [n: number, factor: number, m: number, rest: number]> = [
  [1, -1, 1, 1],
  [2, 2, 2, 1],
  [7, -1, 1, 7],
  [7, 4, 1, 7],
  [12, -1, 3, 4],
  [12, 4, 4, 3],
  [12, 8, 3, 4],
  [16, 3, 2, 8],
  [16, 16, 16, 1],
  [16, 100, 4, 4],
  [36, 8, 6, 6],
  [127, 100, 1, 127],
  [128, 4, 4, 32],
  [360, -1, 18, 20],
  [360, 8, 8, 45],
  [360, 16, 15, 24],
  [360, 0, 1, 360],
];

describe('factorization', () => {
  it.each(peft)('splits %i with factor %i into %i and %i', (n, factor, m, rest) =>
    expect(factorization(n, factor)).toEqual([m, rest]),
  );
});

describe('LoKr', () => {
  it.each([
    [{ r: -1 }, 'greater than 0'],
    [{ init_weights: 'gaussian' }, '"lycoris"'],
    [{ decompose_factor: 1.5 }, 'decompose_factor'],
    [{ layers_pattern: ['h'] }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(lokr, { ...on, ...config }, spec)).toContain(why));

  it('acts on linear layers and convolutions over one or two axes alone', () =>
    expect(problemsOf(lokr, on, modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [4, 4] } }))).toContain(
      'a Linear, Conv1d or Conv2d',
    ));

  it('splits either matrix where the rank is below half of its size', () => {
    const shapes = (config: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(
        Object.entries(shapesOf(adapterOf(lokr, config, spec))).map(([name, shape]) => [
          name.slice('base_model.model.'.length),
          shape,
        ]),
      );
    expect(shapes({ ...on, r: 8 })).toEqual({ 'a.lokr_w1': [3, 4], 'a.lokr_w2': [4, 5] });
    expect(shapes({ ...on, r: 1, decompose_both: true })).toEqual({
      'a.lokr_w1_a': [3, 1],
      'a.lokr_w1_b': [1, 4],
      'a.lokr_w2_a': [4, 1],
      'a.lokr_w2_b': [1, 5],
    });
    const conv = { target_modules: ['c', 'd'], r: 1, use_effective_conv2d: true };
    expect(shapes(conv)).toEqual({
      'c.lokr_t2': [1, 1, 3, 3],
      'c.lokr_w1': [4, 3],
      'c.lokr_w2_a': [1, 4],
      'c.lokr_w2_b': [1, 4],
      'd.lokr_w1': [2, 2],
      'd.lokr_w2_a': [4, 1],
      'd.lokr_w2_b': [1, 4],
    });
    expect(shapes({ ...conv, use_effective_conv2d: false })['c.lokr_w2_b']).toEqual([1, 36]);
  });

  it.each([
    [true, 'lokr_w1'],
    ['lycoris', 'lokr_w2_b'],
  ])('starts as the identity with init_weights %j, where %s is zero', async (init_weights, zero) => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(lokr, { ...on, r: 2, init_weights }, spec);
    for (const [name, tensor] of Object.entries(leaf.params)) {
      expect((await read(tensor)).every((v) => v === 0)).toBe(name.endsWith(`.${zero}`));
    }
    const merged = await read(mergedBy(leaf, weights)['a.weight']!);
    expect(merged).toEqual(await read(weights['a.weight']!));
  });
});
