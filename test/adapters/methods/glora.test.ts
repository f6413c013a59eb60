import { describe, expect, it } from 'vitest';
import { apply, applyAt } from '../../../src/adapters/apply.js';
import { compose } from '../../../src/adapters/combine.js';
import { readKeys } from '../../../src/adapters/compile.js';
import type { Adapter, Leaf, Mergeable } from '../../../src/adapters/adapter.js';
import { glora } from '../../../src/adapters/methods/glora.js';
import { read } from '../../../src/ops/backend.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const bare = { name: 'b', kind: 'Linear' as const, params: { weight: [3, 4] } };
const spec = modelOf(linearOf('a', 3, 4), bare, convOf('c', 2, 2, 1));
const on = { target_modules: ['a'], r: 2, init_weights: false };

const tensor = (leaf: Leaf, name: string): Tensor => leaf.params[`base_model.model.a.glora_${name}`]!;

describe('GLoRA', () => {
  it.each([
    [{ config_A_B: 'matrix' }, 'config_A_B'],
    [{ config_C: 'constant' }, 'config_C'],
    [{ config_D_E: 'lora' }, 'config_D_E'],
    [{ r: 0 }, 'greater than 0'],
    [{ target_modules: ['c'] }, 'a Linear'],
    [{ exclude_modules: 3 }, ''],
  ])('refuses %j', (config, why) => expect(problemsOf(glora, { ...on, ...config }, spec)).toContain(why));

  it('keeps zeros in the file for what there is not, and trains none of them', () => {
    const leaf = adapterOf(glora, { ...on, target_modules: ['b'], config_A_B: 'none' }, spec);
    expect(shapesOf(leaf)).toEqual({
      'base_model.model.b.glora_A.zeros': [3, 4],
      'base_model.model.b.glora_B.zeros': [3, 4],
      'base_model.model.b.glora_C.zeros': [4, 1],
      'base_model.model.b.glora_D.zeros': [3],
      'base_model.model.b.glora_E.zeros': [3],
    });
    expect(leaf.trainable).toEqual([]);
    expect(leaf.algebra).toBe('additive');
  });

  it('is W + W * A + B, and b + b * D + E + W C', async () => {
    const leaf = adapterOf(glora, { ...on, config_C: 'vector', config_D_E: 'vector' }, spec);
    const weights = weightsOf(spec);
    const [W, b] = [weights['a.weight']!, weights['a.bias']!];
    const product = (name: string): Tensor => matMul(tensor(leaf, `${name}.Xd`), tensor(leaf, `${name}.Xu`));
    const merged = mergedBy(leaf, weights);
    const weight = tf.add(tf.add(W, tf.mul(W, product('A'))), product('B'));
    expect(await read(merged['a.weight']!)).toBeAllClose(await read(weight), { atol: 1e-5 });
    const image = tf.reshape(matMul(W, tensor(leaf, 'C.X')), [3]);
    const bias = tf.add(tf.add(tf.add(b, tf.mul(b, tensor(leaf, 'D.X'))), tensor(leaf, 'E.X')), image);
    expect(await read(merged['a.bias']!)).toBeAllClose(await read(bias), { atol: 1e-5 });
  });

  it('reads the weight for the bias, as the adapter before leaves it', async () => {
    const leaf = adapterOf(glora, on, spec) as Leaf<'dependent'>;
    const weights = weightsOf(spec);
    const twice: Adapter<Mergeable> = compose<'dependent'>(leaf, leaf);
    expect(readKeys(twice, 'a.bias')).toContain('a.weight');
    expect(readKeys(twice, 'a.weight')).toEqual([]);
    const [once, both] = [apply(leaf, apply(leaf, weights)), apply(twice, weights)];
    expect(await read(both['a.bias']!)).toEqual(await read(once['a.bias']!));
    expect(() => applyAt(leaf, 'a.bias', weights['a.bias']!)).toThrow(/reads "a.weight"/);
    const alone = applyAt(leaf, 'a.bias', weights['a.bias']!, (key) => weights[key]);
    expect(await read(alone)).toEqual(await read(apply(leaf, weights)['a.bias']!));
  });
});
