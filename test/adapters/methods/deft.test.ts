import { describe, expect, it } from 'vitest';
import { deft } from '../../../src/adapters/methods/deft.js';
import { read } from '../../../src/ops/backend.js';
import { matrixOf, multiply, qr, transposed, type Matrix } from '../../../src/ops/linalg/index.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv1D = { name: 'g', kind: 'Conv1D' as const, params: { weight: [7, 5], bias: [5] } };
const spec = modelOf(linearOf('a', 5, 7), linearOf('b', 2, 7), conv1D, convOf('c', 2, 2, 1));
const on = { target_modules: ['a'], r: 3 };

/** W + Q (s R - P^T W) for W [out, in], in float64. */
const expected = (Q: Matrix, P: Matrix, W: Matrix, R: Matrix | undefined, s: number): ReadonlyArray<number> => {
  const removed = multiply(transposed(P), W);
  const inner = removed.data.map((x, i) => (R === undefined ? 0 : s * R.data[i]!) - x);
  const change = multiply(Q, { ...removed, data: inner });
  return Array.from(W.data, (w, i) => w + change.data[i]!);
};

const host = (t: Tensor): Promise<Matrix> => matrixOf(t);

describe('DEFT', () => {
  it.each([
    [{ r: 0 }, 'greater than 0'],
    [{ decomposition_method: 'svd' }, '"relu", "qr"'],
    [{ deft_dropout: 1 }, 'deft_dropout'],
    [{ bias: 'some' }, 'a word that ends in "_only"'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
    [{ target_modules: 'a', layers_to_transform: 1 }, 'no layer selection beside a string'],
    [{ target_modules: ['c'] }, 'a Linear or Conv1D'],
  ])('refuses %j', (config, why) => expect(problemsOf(deft, { ...on, ...config }, spec)).toContain(why));

  it('has at most as many directions as outputs, and no R in PaRa', () => {
    expect(shapesOf(adapterOf(deft, { ...on, target_modules: ['b'] }, spec))).toEqual({
      'base_model.model.b.deft_P': [2, 2],
      'base_model.model.b.deft_R': [2, 7],
    });
    expect(Object.keys(shapesOf(adapterOf(deft, { ...on, para: true }, spec)))).toHaveLength(1);
  });

  it.each([
    ['relu', 'a'],
    ['qr', 'a'],
    ['qr', 'g'],
  ])('starts where the base is (%s, %s)', async (decomposition_method, name) => {
    const config = { ...on, target_modules: [name], decomposition_method, alpha: 5, fan_in_fan_out: name === 'g' };
    const weights = weightsOf(spec);
    const merged = mergedBy(adapterOf(deft, config, spec), weights);
    expect(await read(merged[`${name}.weight`]!)).toBeAllClose(await read(weights[`${name}.weight`]!), { atol: 1e-5 });
  });

  it.each([
    ['relu', false],
    ['qr', false],
    ['relu', true],
    ['qr', true],
  ])('puts new directions in place of old ones (%s, para %s)', async (decomposition_method, para) => {
    const config = { ...on, decomposition_method, para, alpha: 6, init_weights: false, init_scale: 20 };
    const leaf = adapterOf(deft, config, spec);
    const weights = weightsOf(spec);
    const P = await host(leaf.params['base_model.model.a.deft_P']!);
    const R = para ? undefined : await host(leaf.params['base_model.model.a.deft_R']!);
    const relu = { ...P, data: P.data.map((x) => Math.max(x, 0)) };
    const [Q, V] = decomposition_method === 'relu' ? [P, relu] : [qr(P).Q, qr(P).Q];
    const W = await host(weights['a.weight']!);
    expect(await read(mergedBy(leaf, weights)['a.weight']!)).toBeAllClose(
      Float32Array.from(expected(Q, V, W, R, 6 / 3)),
      { atol: 1e-5 },
    );
  });
});
