import { describe, expect, it } from 'vitest';
import { init } from '../../../src/adapters/init.js';
import { peanut } from '../../../src/adapters/methods/peanut.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 4));
const on = { target_modules: ['a'], r: 3 };

describe('PEANuT', () => {
  it.each([
    [{ r: 0 }, 'r'],
    [{ depth: -1 }, 'depth'],
    [{ act_fn: 'snake' }, 'adapter_config.json: act_fn'],
    [{ scaling: 'big' }, 'scaling'],
    [{ layers_pattern: ['h'] }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(peanut, { ...on, ...config }, spec)).toContain(why));

  it('refuses anything but linear layers', () => {
    const other = modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [4, 6] } });
    expect(problemsOf(peanut, on, other)).toContain('a Linear');
  });

  it('has an encoder and a decoder for each step of depth', () => {
    const shapes = shapesOf(adapterOf(peanut, { ...on, depth: 2 }, spec));
    expect(Object.keys(shapes)).toHaveLength(6);
    expect(shapes['base_model.model.a.peanut_decoders.1.weight']).toEqual([3, 3]);
    expect(shapes['base_model.model.a.peanut_A.weight']).toEqual([3, 6]);
  });

  it('is a different change for a different weight, and needs no weights to be made', async () => {
    const leaf = adapterOf(peanut, { ...on, init_weights: false, act_fn: 'tanh' }, spec);
    const change = async (seed: number) => {
      const weights = weightsOf(spec, seed);
      const [W, V] = [await read(weights['a.weight']!), await read(mergedBy(leaf, weights)['a.weight']!)];
      return V.map((v, i) => v - W[i]!);
    };
    const [a, b] = [await change(1), await change(2)];
    expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeGreaterThan(1e-2);
    expect(E.isRight(init(peanut, on, { spec, key: key(0) }))).toBe(true);
  });
});
