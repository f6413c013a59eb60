import { describe, expect, it } from 'vitest';
import { categoryOf, drawPlaces, layerNumberOf, placesCount } from '../../../src/adapters/joint-categories.js';
import { init } from '../../../src/adapters/init.js';
import { frod } from '../../../src/adapters/methods/frod.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { key } from '../../../src/ops/random.js';
import { renderProblems } from '../../../src/problem.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(...[0, 1].map((i) => linearOf(`layers.${i}.attn.q`, 6, 5)), {
  name: 'layers.0.attn.c',
  kind: 'Conv1D',
  params: { weight: [5, 3], bias: [3] },
});
const on = { target_modules: ['q', 'c'], sparse_rate: 0.2 };

describe('FRoD', () => {
  it.each([
    [{ sparse_rate: 1.5 }, 'sparse_rate'],
    [{ frod_dropout: 1 }, 'frod_dropout'],
    [{ projection_prng_key: 0.5 }, 'projection_prng_key'],
    [{ bias: 'frod' }, 'bias'],
    [{ layers_pattern: ['h'] }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(frod, { ...on, ...config }, spec)).toContain(why));

  it('refuses layers that are no matrices, and layers of one part with other inputs', () => {
    const other = modelOf({ name: 'q', kind: 'Embedding', params: { weight: [4, 4] } });
    expect(problemsOf(frod, on, other)).toContain('a Linear or Conv1D');
    const uneven = modelOf(linearOf('layers.0.attn.q', 6, 5), linearOf('layers.1.attn.q', 6, 4));
    expect(problemsOf(frod, on, uneven)).toContain('as others of "attn_q"');
  });

  it('needs the base weights to start from', () => {
    const made = init(frod, on, { spec, key: key(0) });
    expect(E.isLeft(made) ? renderProblems(made.left) : '').toContain('the base weights, which FRoD decomposes');
  });

  it('shares a basis among layers of one part, and saves it or not', () => {
    const saved = adapterOf(frod, on, spec);
    expect(shapesOf(saved)['base_model.frod_V.attn_q']).toEqual([5, 5]);
    expect([...saved.indices['base_model.frod_s_size.attn_c']!.values]).toEqual([5, 5]);
    expect(saved.dtypes['base_model.frod_s_indices.attn_q']).toBe('I64');
    expect(saved.trainable).toHaveLength(6);
    const unsaved = adapterOf(frod, { ...on, save_projection: false }, spec);
    expect(Object.keys(unsaved.params)).toHaveLength(6);
    expect(Object.keys(unsaved.indices)).toEqual([]);
  });

  it('starts at the base, and changes it alike whether the basis is saved or found again', async () => {
    const weights = weightsOf(spec);
    const keys = ['layers.0.attn.q.weight', 'layers.1.attn.q.weight', 'layers.0.attn.c.weight'];
    const start = mergedBy(adapterOf(frod, on, spec), weights);
    const [a, b] = [true, false].map((save_projection) =>
      mergedBy(adapterOf(frod, { ...on, init_weights: false, save_projection }, spec), weights),
    );
    for (const k of keys) {
      expect(await read(start[k]!)).toEqual(await read(weights[k]!));
      expect(await read(a![k]!)).not.toEqual(await read(weights[k]!));
      expect((await read(a![k]!)).every(Number.isFinite)).toBe(true);
    }
    // the same values are drawn for the same sites, but for the keys of the tensors that come first
    expect(Object.keys(b!)).toEqual(Object.keys(a!));
  });

  it('names parts and layers as PEFT does', () => {
    expect(
      [
        'lin0',
        'encoder.layer.0.attention.self.query',
        'model.layers.3.self_attn.q_proj',
        'encoder.layer.0.attention.output.dense',
        'encoder.layer.11.output.dense',
        'blocks.2.7',
        'classifier.dense',
      ].map((name) => `${categoryOf(name)} ${layerNumberOf(name, 42)}`),
    ).toEqual([
      'lin0 42',
      'self_query 0',
      'self_attn_q_proj 3',
      'attention_output 0',
      'output_dense 11',
      '7 2',
      'classifier_dense 42',
    ]);
  });

  it('draws places off the diagonal as PEFT does, one part after another', () => {
    expect([placesCount(4, 0), placesCount(4, 0.3), placesCount(3, 0.01), placesCount(1, 1)]).toEqual([0, 4, 1, 0]);
    // the first generator draws for "a" before "b", whatever their order here
    const drawn = drawPlaces(
      new Map([
        ['b', 3],
        ['a', 4],
      ]),
      5,
      0.3,
    );
    expect([...drawn.get('a')!]).toEqual([3, 0, 3, 2, 2, 1, 0, 0]);
    expect([...drawPlaces(new Map([['b', 3]]), 5, 0.01).get('b')!]).toHaveLength(2);
  });
});
