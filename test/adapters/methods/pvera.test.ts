import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { pvera } from '../../../src/adapters/methods/pvera.js';
import { E } from '../../../src/fp.js';
import { read } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { sizeOf, type Shape } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), convOf('c', 2, 2, 1));
const on = { target_modules: ['a', 'b'], r: 4 };

const float = (shape: Shape) => ({
  dtype: 'F32' as const,
  shape,
  bytes: encodeFloats('F32', new Float32Array(sizeOf(shape)).fill(1)),
});

describe('PVeRA', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ generator_seed: 'x' }, 'generator_seed'],
    [{ pvera_dropout: -1 }, 'pvera_dropout'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(pvera, { ...on, ...config }, spec)).toContain(why));

  it('has means and log variances in A and d, and none in B', () =>
    expect(shapesOf(adapterOf(pvera, on, spec))).toMatchObject({
      'base_model.pvera_A': [8, 10],
      'base_model.pvera_B': [8, 4],
      'base_model.model.a.pvera_lambda_d': [8],
      'base_model.model.a.pvera_lambda_b': [6],
    }));

  it('merges the mean: the second half of d does nothing', async () => {
    const leaf = adapterOf(pvera, { ...on, init_weights: false }, spec);
    const name = 'base_model.model.a.pvera_lambda_d';
    const d = leaf.params[name]!;
    const [mean] = tf.split(d, 2);
    const silent = { ...leaf, params: { ...leaf.params, [name]: tf.concat([mean!, tf.zeros([4])]) } };
    const weights = weightsOf(spec);
    const merged = await read(mergedBy(leaf, weights)['a.weight']!);
    expect(await read(mergedBy(silent, weights)['a.weight']!)).toEqual(merged);
    expect(merged).not.toEqual(await read(weights['a.weight']!));
  });

  it('warns that it does not sample', () => {
    const tensors = new Map([
      ['base_model.pvera_A', float([8, 10])],
      ['base_model.pvera_B', float([6, 4])],
      ['base_model.model.a.pvera_lambda_b', float([6])],
      ['base_model.model.a.pvera_lambda_d', float([8])],
    ]);
    const config = { peft_type: 'PVERA', target_modules: ['a'], r: 4, sample_at_inference: true };
    const decoded = decodeAdapter({ config, tensors }, spec);
    expect(E.isRight(decoded) ? decoded.right.warnings.join() : '').toContain('sample_at_inference');
  });
});
