import { expect, it } from 'vitest';
import { read } from '../../src/ops/backend.js';
import { digamma, logGamma } from '../../src/ops/gamma.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';

const EULER = 0.5772156649015329;

it('knows the gamma function at whole and half numbers, and near zero', async () => {
  const x = tf.tensor1d([0.5, 1, 1.5, 2, 5, 11, 1e-3]);
  const halves = Math.log(Math.PI) / 2;
  const expected = [halves, 0, halves - Math.LN2, 0, Math.log(24), Math.log(3628800), 6.907178885383854];
  expect(await read(logGamma(x))).toBeAllClose(expected, { atol: 5e-6, rtol: 1e-6 });
});

it('knows digamma there', async () => {
  const x = tf.tensor1d([0.5, 1, 2, 3, 1e-3]);
  const expected = [-EULER - 2 * Math.LN2, -EULER, 1 - EULER, 1.5 - EULER, -1000.5755719318103];
  expect(await read(digamma(x))).toBeAllClose(expected, { atol: 5e-6, rtol: 1e-6 });
});

it('has digamma for the gradient of the logarithm', async () => {
  const x = tf.tensor1d([0.1, 0.7, 3, 40]);
  const { grads } = valueAndGrad((p) => tf.sum(logGamma(p['x'] as Tensor)))({ x });
  expect(await read(grads['x'] as Tensor)).toBeAllClose(await read(digamma(x)), { atol: 1e-5, rtol: 1e-5 });
});
