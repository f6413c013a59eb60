import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { isMergeable } from '../../../src/adapters/combine.js';
import { beft } from '../../../src/adapters/methods/beft.js';
import { linear } from '../../../src/models/layers/linear.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, weightsOf } from './trial.js';

const plain = { name: 'b', kind: 'Linear' as const, params: { weight: [2, 3] } };
const spec = modelOf(linearOf('a', 3, 4), plain, convOf('c', 2, 2, 1));

describe('BEFT', () => {
  it.each([
    [{ target_modules: ['c'] }, 'a Linear'],
    [{ target_modules: ['zzz'] }, 'target_modules'],
    [{ target_modules: ['a'], init_weights: 'no' }, 'init_weights'],
  ])('refuses %j', (config, why) => expect(problemsOf(beft, config, spec)).toContain(why));

  it('adds to the bias alone', async () => {
    const leaf = adapterOf(beft, { target_modules: ['a'], init_weights: false }, spec);
    const weights = weightsOf(spec);
    const merged = mergedBy(leaf, weights);
    expect(merged['a.weight']).toBe(weights['a.weight']);
    const v = tf.reshape(leaf.params['base_model.model.a.beft_bias']!, [3]);
    expect(await read(merged['a.bias']!)).toEqual(await read(tf.add(weights['a.bias']!, v)));
  });

  it('gives a layer without a bias one in the forward pass, and does not merge', async () => {
    const leaf = adapterOf(beft, { target_modules: ['b'], init_weights: false }, spec);
    expect(isMergeable(leaf)).toBe(false);
    expect(leaf.reasons.join()).toContain('b has none to merge into');
    const weights = weightsOf(spec);
    const x = tensorOf(Float32Array.of(1, 2, 3), [1, 3]);
    const change = tf.sub(linear(attach(leaf, weights), 'b', x), linear(weights, 'b', x));
    expect(await read(change)).toBeAllClose(await read(leaf.params['base_model.model.b.beft_bias']!), { atol: 1e-6 });
  });
});
