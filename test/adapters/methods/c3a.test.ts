import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import type { ModelWeights } from '../../../src/adapters/attached.js';
import { likePeft } from '../../../src/adapters/like-peft.js';
import { c3a } from '../../../src/adapters/methods/c3a.js';
import { linear } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { key, normal } from '../../../src/ops/random.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('h.a', 6, 10), linearOf('b', 6, 9));
const on = { target_modules: ['a'], block_size: 2 };

describe('C3A', () => {
  it.each([
    [{ block_size: 0 }, 'greater than 0'],
    [{ block_size: 3 }, 'a divisor of the 10 features of h.a'],
    [{ block_size: 5 }, 'a divisor of the 6 features of h.a'],
    [{ block_size_pattern: { a: 4 } }, 'a divisor of the 10 features of h.a'],
    [{ init_weights: 'zeros' }, '"xavier_uniform"'],
    [{ target_modules: '.*a', layers_to_transform: 0 }, 'no layer selection beside a string'],
  ])('refuses %j', (config, why) => expect(problemsOf(c3a, { ...on, ...config }, spec)).toContain(why));

  it('looks block sizes up behind a dot, or by the whole name', () => {
    const config = { target_modules: ['a', 'b'], block_size: 1, block_size_pattern: { a: 2, b: 3, '.': 7 } };
    expect(shapesOf(adapterOf(c3a, config, spec))).toEqual({
      'base_model.model.h.a.c3a_kernel': [3, 5, 2],
      'base_model.model.b.c3a_kernel': [2, 3, 3],
    });
  });

  it('passes gradients to its input through its own weight; PEFT takes another one', async () => {
    const weights = weightsOf(spec);
    const leaf = adapterOf(c3a, { target_modules: ['b'], block_size: 3 }, spec);
    const x = normal(key(3), [4, 9]);
    const gradient = async (p: ModelWeights): Promise<Float32Array> => {
      const { grads } = valueAndGrad(({ x: at }) => tf.sum(tf.square(linear(p, 'b', at!))))({ x });
      return read(grads['x']!);
    };
    const merged = await gradient(mergedBy(leaf, weights));
    expect(await gradient(attach(leaf, weights))).toBeAllClose(merged, { atol: 1e-4 });
    const peft = await gradient(attach(likePeft(leaf), weights));
    expect(Math.max(...peft.map((v, i) => Math.abs(v - merged[i]!)))).toBeGreaterThan(0.01);
  });
});
