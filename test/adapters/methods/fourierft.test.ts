import { describe, expect, it } from 'vitest';
import { fourierft } from '../../../src/adapters/methods/fourierft.js';
import type { ModuleSpec } from '../../../src/models/spec.js';
import { read } from '../../../src/ops/backend.js';
import { torchGenerator, torchRandperm } from '../../../src/ops/torch-random/index.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('h.a', 6, 10), linearOf('b', 4, 5));
const on = { target_modules: ['a'], n_frequency: 7 };

/** scaling Re(F^-1(S)) [out, in] by its sum. */
const change = (c: Float32Array, seed: number, out: number, inputs: number, scaling: number) => {
  const places = torchRandperm(torchGenerator(seed), out * inputs, c.length);
  return (p: number, q: number): number =>
    places.reduce((sum, place, j) => {
      const turn = (Math.floor(place / inputs) * p) / out + ((place % inputs) * q) / inputs;
      return sum + (c[j] as number) * Math.cos(2 * Math.PI * turn);
    }, 0) *
    (scaling / (out * inputs));
};

describe('FourierFT', () => {
  it.each([
    [{ n_frequency: 0 }, 'greater than 0'],
    [{ n_frequency: 61 }, 'at most the 60 entries of h.a'],
    [{ n_frequency_pattern: { a: 100 } }, 'at most the 60 entries of h.a'],
    [{ random_loc_seed: null }, 'random_loc_seed'],
    [{ target_modules: 'h.a', layers_to_transform: 0 }, 'no layer selection beside a string'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(fourierft, { ...on, ...config }, spec)).toContain(why));

  it('acts on linear layers alone', () =>
    expect(problemsOf(fourierft, on, modelOf({ name: 'a', kind: 'Embedding', params: { weight: [4, 4] } }))).toContain(
      'a Linear or Conv1D',
    ));

  it('looks numbers of frequencies up behind a dot, or by the whole name', () => {
    const config = { target_modules: ['a', 'b'], n_frequency: 2, n_frequency_pattern: { a: 3, b: 4 } };
    expect(shapesOf(adapterOf(fourierft, config, spec))).toEqual({
      'base_model.model.h.a.fourierft_spectrum': [3],
      'base_model.model.b.fourierft_spectrum': [4],
    });
  });

  it.each(['Linear', 'Conv1D'] as const)('adds the inverse Fourier transform to a %s', async (kind) => {
    const turned = kind === 'Conv1D';
    const module: ModuleSpec = { name: 'a', kind, params: { weight: turned ? [10, 6] : [6, 10] } };
    const model = modelOf(module);
    const weights = weightsOf(model);
    const leaf = adapterOf(fourierft, { ...on, random_loc_seed: 5, scaling: 30 }, model);
    const delta = change(await read(leaf.params['base_model.model.a.fourierft_spectrum']!), 5, 6, 10, 30);
    const W = await read(weights['a.weight']!);
    const columns = turned ? 6 : 10;
    const expected = W.map((w, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return w + (turned ? delta(column, row) : delta(row, column));
    });
    expect(await read(mergedBy(leaf, weights)['a.weight']!)).toBeAllClose(expected, { atol: 1e-5 });
  });

  it('starts as the identity with init_weights true, which is not the default', async () => {
    const weights = weightsOf(spec);
    const merged = async (config: object) =>
      read(mergedBy(adapterOf(fourierft, { ...on, ...config }, spec), weights)['h.a.weight']!);
    const W = await read(weights['h.a.weight']!);
    expect(await merged({ init_weights: true })).toEqual(W);
    expect(await merged({})).not.toEqual(W);
  });
});
