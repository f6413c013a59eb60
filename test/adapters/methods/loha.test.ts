import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import type { Adapter } from '../../../src/adapters/adapter.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { likePeft } from '../../../src/adapters/like-peft.js';
import { loha } from '../../../src/adapters/methods/loha.js';
import { convolution } from '../../../src/models/layers/convolution.js';
import { read, scope } from '../../../src/ops/backend.js';
import { key, normal } from '../../../src/ops/random.js';
import { mapRecord, type Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, convOf, linearOf, mergedBy, modelOf, problemsOf, shapesOf, weightsOf } from './trial.js';

const conv = convOf('c', 4, 3, 2);
const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 6, 10), conv);

describe('LoHa', () => {
  it.each([
    [{ target_modules: ['a'], r: 0 }, 'greater than 0'],
    [{ target_modules: ['a'], rank_pattern: { a: 0 } }, 'rank_pattern'],
    [{ target_modules: ['a'], init_weights: 'gaussian' }, 'init_weights'],
    [{ target_modules: ['a'], layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(loha, config, spec)).toContain(why));

  it('allows layers beside a regular expression, as PEFT does', () =>
    expect(problemsOf(loha, { target_modules: 'a', layers_to_transform: [0] }, spec)).toBe(''));

  it.each(['Conv1D', 'Embedding', 'LayerNorm'] as const)('does not act on a %s', (kind) =>
    expect(
      problemsOf(loha, { target_modules: ['a'] }, modelOf({ name: 'a', kind, params: { weight: [4, 4] } })),
    ).toContain('a Linear, Conv1d or Conv2d'),
  );

  it('takes ranks by pattern, and cores where the kernel has a size', () => {
    const config = { target_modules: ['a', 'b', 'c'], r: 2, rank_pattern: { b: 5 }, use_effective_conv2d: true };
    const shapes = shapesOf(adapterOf(loha, config, spec));
    expect(shapes['base_model.model.a.hada_w1_a']).toEqual([6, 2]);
    expect(shapes['base_model.model.b.hada_w2_b']).toEqual([5, 10]);
    expect(shapes['base_model.model.c.hada_w1_a']).toEqual([2, 4]);
    expect(shapes['base_model.model.c.hada_t2']).toEqual([2, 2, 2, 2]);
    const plain = shapesOf(adapterOf(loha, { ...config, use_effective_conv2d: false }, spec));
    expect(plain['base_model.model.c.hada_w1_b']).toEqual([2, 12]);
  });

  it('starts as the identity, and with init_weights false not', async () => {
    const weights = weightsOf(spec);
    const changed = async (init_weights: boolean): Promise<boolean> => {
      const merged = mergedBy(adapterOf(loha, { target_modules: ['a'], init_weights }, spec), weights);
      const [W, V] = [await read(weights['a.weight']!), await read(merged['a.weight']!)];
      return V.some((v, i) => v !== W[i]);
    };
    expect([await changed(true), await changed(false)]).toEqual([false, true]);
  });

  it('has the gradient of its output through cores; PEFT has another one', async () => {
    const weights = weightsOf(spec);
    const config = { target_modules: ['c'], r: 2, use_effective_conv2d: true, init_weights: false };
    const leaf = adapterOf(loha, config, spec);
    const x = normal(key(3), [2, 3, 3, 3]);
    const loss = (adapter: Adapter, p: Weights) =>
      tf.sum(tf.square(convolution(attach(withTrainable(adapter, p), weights), conv, x)));
    const gradient = async (adapter: Adapter): Promise<Float32Array> => {
      const { grads } = valueAndGrad((p: Weights) => loss(adapter, p))(trainable(adapter));
      return read(grads['base_model.model.c.hada_w1_a']!);
    };
    const [ours, theirs] = [await gradient(leaf), await gradient(likePeft(leaf))];
    // the derivative along the gradient is its squared length
    const name = 'base_model.model.c.hada_w1_a';
    const along = async (h: number): Promise<number> => {
      const moved = mapRecord(trainable(leaf), (v, k) =>
        k === name ? scope(() => tf.add(v, tf.mul(tf.tensor(ours, v.shape), h))) : v,
      );
      return (await read(scope(() => loss(leaf, moved))))[0]!;
    };
    const length = ours.reduce((s, g) => s + g * g, 0);
    const h = 0.01 / Math.sqrt(length);
    expect(((await along(h)) - (await along(-h))) / (2 * h) / length).toBeCloseTo(1, 2);
    expect(Math.max(...theirs.map((g, i) => Math.abs(g - ours[i]!)))).toBeGreaterThan(0.01);
  });
});
