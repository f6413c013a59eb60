import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Leaf } from '../../../src/adapters/adapter.js';
import { withTrainable } from '../../../src/adapters/leaf.js';
import { likePeft } from '../../../src/adapters/like-peft.js';
import { waveft } from '../../../src/adapters/methods/waveft.js';
import { read } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const linear = modelOf(linearOf('a', 6, 7));
const conv1D = modelOf({ name: 'a', kind: 'Conv1D', params: { weight: [7, 6], bias: [6] } });
const on = { target_modules: ['a'], n_frequency: 5 };
const spectrum = 'base_model.model.a.waveft_spectrum';

/** The change of a weight by the spectrum 1, -2, 1/2, 3, -1/4. */
const changeOf = async (spec: typeof linear, config: object, as: (leaf: Leaf) => Leaf = (l) => l) => {
  const fresh = adapterOf(waveft, { ...on, scaling: 2, random_loc_seed: 11, ...config }, spec);
  const leaf = withTrainable(fresh, { [spectrum]: tf.tensor1d([1, -2, 0.5, 3, -0.25]) }) as Leaf;
  const weights = weightsOf(spec);
  return read(tf.sub(mergedBy(as(leaf), weights)['a.weight']!, weights['a.weight']!));
};

/** Deltas of PEFT 0.21 by kind of layer and family. */
const theirs = JSON.parse(
  readFileSync(new URL('../../golden/wavelets/waveft.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, ReadonlyArray<number>>>;

describe('WaveFT', () => {
  it.each([
    [{ wavelet_family: 'haar' }, 'wavelet_family'],
    [{ wavelet_family: 'db39' }, 'one of "db1"'],
    [{ n_frequency: 0 }, 'n_frequency'],
    [{ n_frequency: 43 }, 'at most the 42 entries of a'],
    [{ n_frequency_pattern: { a: -1 } }, 'n_frequency_pattern'],
    [{ n_frequency_pattern: { '(': 1 } }, 'n_frequency_pattern'],
    [{ random_loc_seed: 0.5 }, 'random_loc_seed'],
    [{ target_modules: 'a', layers_to_transform: [0] }, 'no layer selection'],
    [{ layers_pattern: ['h'] }, 'layers_to_transform beside layers_pattern'],
    [{ bias: 'some' }, 'bias'],
  ])('refuses %j', (config, why) => expect(problemsOf(waveft, { ...on, ...config }, linear)).toContain(why));

  it('refuses layers that are no matrices', () => {
    const spec = modelOf({ name: 'a', kind: 'Embedding', params: { weight: [4, 4] } });
    expect(problemsOf(waveft, on, spec)).toContain('a Linear or Conv1D');
  });

  it('counts coefficients by pattern, or by the size of the layers', () => {
    const spec = modelOf(linearOf('a', 6, 7), linearOf('b', 2, 3));
    const count = (config: object) => {
      const shapes = shapesOf(adapterOf(waveft, { target_modules: ['a', 'b'], n_frequency: 5, ...config }, spec));
      return ['a', 'b'].map((name) => shapes[`base_model.model.${name}.waveft_spectrum`]?.[0]);
    };
    expect(count({})).toEqual([5, 5]);
    expect(count({ n_frequency_pattern: { b: 2 } })).toEqual([5, 2]);
    // 42 / 48 and 6 / 48 of 10: 8.75 and 1.25; of 4: 3.5, whose even neighbour is 4, and 0.5, but at least one
    expect(count({ proportional_parameters: true })).toEqual([9, 1]);
    expect(count({ proportional_parameters: true, n_frequency: 2 })).toEqual([4, 1]);
  });

  it.each(Object.keys(theirs).filter((name) => !name.endsWith('coif4')))('changes a %s as PEFT does', async (name) => {
    const [kind, wavelet_family] = name.split(' ');
    const spec = kind === 'Linear' ? linear : conv1D;
    expect(await changeOf(spec, { wavelet_family })).toBeAllClose(Float32Array.from(theirs[name]!), { atol: 2e-6 });
  });

  it('has PEFT\'s slips in "coif4" with likePeft alone', async () => {
    const expected = Float32Array.from(theirs['Linear coif4']!);
    const config = { wavelet_family: 'coif4' };
    expect(await changeOf(linear, config, (leaf) => likePeft(leaf) as Leaf)).toBeAllClose(expected, { atol: 2e-6 });
    const ours = await changeOf(linear, config);
    expect(Math.max(...ours.map((x, i) => Math.abs(x - expected[i]!)))).toBeGreaterThan(5e-5);
  });

  it('keeps the energy of the spectrum where nothing is cropped, and is the spectrum itself without the transform', async () => {
    const energy = (x: Float32Array): number => x.reduce((sum, v) => sum + v * v, 0);
    const spec = modelOf(linearOf('a', 6, 8));
    const own = 4 * (1 + 4 + 0.25 + 9 + 0.0625);
    expect(energy(await changeOf(spec, { wavelet_family: 'db1' }))).toBeCloseTo(own, 4);
    const sparse = await changeOf(conv1D, { use_idwt: false });
    expect(sparse.filter((x) => Math.abs(x) > 1e-6)).toHaveLength(5);
    expect(energy(sparse)).toBeCloseTo(own, 4);
  });
});
