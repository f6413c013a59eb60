import { describe, expect, it } from 'vitest';
import { attach } from '../../../src/adapters/apply.js';
import { trainable, withTrainable } from '../../../src/adapters/leaf.js';
import { pvera } from '../../../src/adapters/methods/pvera.js';
import type { Routing } from '../../../src/adapters/method.js';
import { conv1D, linear } from '../../../src/models/layers/linear.js';
import { read } from '../../../src/ops/backend.js';
import { key, keyFor, normalValues, uniform } from '../../../src/ops/random.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { adapterOf, linearOf, modelOf, weightsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 10), linearOf('b', 8, 3), {
  name: 'g',
  kind: 'Conv1D' as const,
  params: { weight: [4, 9], bias: [9] },
});
const config = { target_modules: ['a', 'b', 'g'], r: 4, init_weights: false, fan_in_fan_out: true };
const leaf = adapterOf(pvera, config, spec);
const weights = weightsOf(spec);
const x = uniform(key(5), [3, 10], -1);
const training = { training: true, key: key(7) } satisfies Routing;

const outputs = (routing?: Routing): Promise<Float32Array> => read(linear(attach(leaf, weights, routing), 'a', x));

describe('PVeRA in training', () => {
  it('adds noise of the standard deviation exp(v / 2) to the inner features, as PEFT does', async () => {
    const [mean, sampled] = [await outputs(), await outputs(training)];
    // z - mu = e exp(v / 2), e from the key of the site
    const named = (role: string): Tensor => leaf.params[role] as Tensor;
    const A = tf.slice(named('base_model.pvera_A'), [4, 0], [4, 10]);
    const B = tf.slice(named('base_model.pvera_B'), [0, 0], [6, 4]);
    const d = tf.slice(named('base_model.model.a.pvera_lambda_d'), [4], [4]);
    const b = named('base_model.model.a.pvera_lambda_b');
    const v = tf.mul(tf.matMul(x as tf.Tensor2D, A as tf.Tensor2D, false, true), d);
    const e = tf.tensor2d(normalValues(keyFor(key(7), 'a.weight'), 12), [3, 4]);
    const z = tf.mul(e, tf.exp(tf.div(v, 2)));
    const noise = await read(tf.mul(tf.matMul(z as tf.Tensor2D, B as tf.Tensor2D, false, true), b));
    expect(sampled.map((y, i) => y - (mean[i] as number))).toBeAllClose(noise, { atol: 1e-4, rtol: 1e-4 });
    expect(Math.max(...noise.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it('takes the mean without a key or outside of training, and the same noise for the same key', async () => {
    const mean = await outputs();
    expect(await outputs({ training: true })).toEqual(mean);
    expect(await outputs({ key: key(7) })).toEqual(mean);
    expect(await outputs(training)).toEqual(await outputs(training));
    expect(await outputs({ ...training, key: key(8) })).not.toEqual(await outputs(training));
    const always = { ...leaf, config: { ...leaf.config, sample_at_inference: true } };
    expect(await read(linear(attach(always, weights, { key: key(7) }), 'a', x))).toEqual(await outputs(training));
  });

  it('has noise of its own at each layer, in both layouts, and gradients for the log variances', async () => {
    const wide = uniform(key(6), [3, 4], -1);
    const of = (routing?: Routing): Promise<Float32Array> => read(conv1D(attach(leaf, weights, routing), 'g', wide));
    expect(await of(training)).not.toEqual(await of());
    const { grads } = valueAndGrad((p) =>
      tf.sum(tf.square(linear(attach(withTrainable(leaf, p), weights, training), 'a', x))),
    )(trainable(leaf));
    const d = await read(grads['base_model.model.a.pvera_lambda_d'] as Tensor);
    expect([...d.subarray(4)].every((g) => g !== 0)).toBe(true);
  });
});
