import { describe, expect, it } from 'vitest';
import { apply } from '../../../src/adapters/apply.js';
import { init } from '../../../src/adapters/init.js';
import { isMergeable } from '../../../src/adapters/combine.js';
import { adamss } from '../../../src/adapters/methods/adamss.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 12, 7));
const on = { target_modules: ['a'], r: 4, num_subspaces: 3 };
const prefix = 'base_model.model.a.adamss';

describe('AdaMSS', () => {
  it.each([
    [{ r: 0 }, 'r'],
    [{ num_subspaces: 0 }, 'num_subspaces'],
    [{ init_weights: 'gaussian' }, '"orthogonal" or null'],
    [{ use_asa: true, mask_interval: 0 }, 'mask_interval'],
    [{ use_asa: true, init_warmup: 1000 }, 'less than final_warmup'],
    [{ use_asa: true, asa_target_subspaces: 0 }, 'asa_target_subspaces'],
    [{ use_asa: true, asa_schedule_exponent: 0 }, 'asa_schedule_exponent'],
  ])('refuses %j', (config, why) => expect(problemsOf(adamss, { ...on, ...config }, spec)).toContain(why));

  it('looks at the schedule only where it is used', () =>
    expect(problemsOf(adamss, { ...on, mask_interval: 0 }, spec)).toBe(''));

  it('refuses anything but linear layers', () => {
    const other = modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [7, 12] } });
    expect(problemsOf(adamss, on, other)).toContain('a Linear');
  });

  it('needs the base weights to start from', () => {
    const made = init(adamss, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('the base weight, which AdaMSS decomposes');
  });

  it('divides all outputs; the bias is one more column', () => {
    const shapes = shapesOf(adapterOf(adamss, { ...on, subspace_rank: 2 }, spec));
    expect(shapes[`${prefix}_newB`]).toEqual([4, 8]);
    const sizes = [0, 1, 2].map((k) => shapes[`${prefix}_B.${k}`]![0]!);
    expect(sizes.reduce((a, b) => a + b)).toBe(12);
    sizes.forEach((size, k) => expect(shapes[`${prefix}_A.${k}`]).toEqual([Math.min(size, 2), 4]));
    const bare = modelOf({ name: 'a', kind: 'Linear', params: { weight: [12, 7] } });
    expect(shapesOf(adapterOf(adamss, { ...on, r: 100, num_subspaces: 50 }, bare))[`${prefix}_newB`]).toEqual([7, 7]);
  });

  it('starts at the base with false as with null for init_weights elsewhere, and changes weight and bias', async () => {
    const weights = weightsOf(spec);
    const start = mergedBy(adapterOf(adamss, on, spec), weights);
    expect(await read(start['a.bias']!)).toEqual(await read(weights['a.bias']!));
    const moved = mergedBy(adapterOf(adamss, { ...on, init_weights: false }, spec), weights);
    for (const name of ['a.weight', 'a.bias']) expect(await read(moved[name]!)).not.toEqual(await read(weights[name]!));
  });

  it('says so where the weight has other clusters than the one that it was made for', () => {
    const leaf = adapterOf(adamss, on, spec);
    const other = [2, 3, 4, 5].map((seed) => () => isMergeable(leaf) && apply(leaf, weightsOf(spec, seed)));
    const failures = other.filter((run) => {
      try {
        run();
        return false;
      } catch (e) {
        expect(e).toBeInstanceOf(RangeError);
        expect(String(e)).toContain('is this the base that it was trained on?');
        return true;
      }
    });
    expect(failures.length).toBeGreaterThan(0);
  });
});
