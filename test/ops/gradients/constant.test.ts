import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { gradients } from '../../../src/ops/gradients/index.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { fusedKernels } from '../without-kernels.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';

const float = (x: Tensor): Tensor => tf.cast(x, 'float32');

const steps: ReadonlyArray<readonly [string, (x: Tensor) => Tensor]> = [
  ['greater', (x) => float(tf.greater(x, 0.1))],
  ['greaterEqual', (x) => float(tf.greaterEqual(x, 0.1))],
  ['less', (x) => float(tf.less(0.1, x))],
  ['lessEqual', (x) => float(tf.lessEqual(x, 0.1))],
  ['equal', (x) => float(tf.equal(x, 0.25))],
  ['notEqual', (x) => float(tf.notEqual(x, 0.25))],
  [
    'logic',
    (x) => float(tf.logicalOr(tf.logicalNot(tf.greater(x, 0)), tf.logicalAnd(tf.less(x, 1), tf.greater(x, -1)))),
  ],
  ['sign', (x) => tf.sign(x)],
  ['step', (x) => tf.step(x)],
  ['floor, ceil and round', (x) => tf.add(tf.floor(x), tf.add(tf.ceil(x), tf.round(x)))],
  ['zerosLike and onesLike', (x) => tf.add(tf.zerosLike(x), tf.onesLike(x))],
  ['isNaN, isInf and isFinite', (x) => float(tf.logicalOr(tf.isNaN(x), tf.logicalOr(tf.isInf(x), tf.isFinite(x))))],
  ['argMax and argMin', (x) => float(tf.add(tf.argMax(x, 0), tf.argMin(x, 0)))],
  ['any and all', (x) => float(tf.logicalOr(tf.any(tf.greater(x, 0)), tf.all(tf.greater(x, 0))))],
  ['oneHot', (x) => float(tf.oneHot(tf.argMax(x, 0), 3))],
  ['a cast to truth values', (x) => float(tf.cast(x, 'bool'))],
];

describe('gradients of steps', () => {
  it.each(steps)('%s is a constant factor', async (_name, f) => {
    const values = Float32Array.of(0.25, -0.75, 1.5);
    const [grad, factor] = scope(() => {
      const x = tensorOf(values, [3]);
      const { grads } = valueAndGrad((p) => tf.sum(tf.mul(p['x'] as Tensor, f(p['x'] as Tensor))))({ x });
      return [grads['x'] as Tensor, tf.mul(f(x), tf.ones([3]))] as const;
    });
    expect(await read(grad)).toBeAllClose(await read(factor));
    tf.dispose([grad, factor]);
  });

  it('has one rule a kernel', () => {
    const names = gradients.map((rule) => rule.kernelName);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has rules for kernels that the backend has, but for complex numbers on wasm and kernels of ours elsewhere', () => {
    const missing = gradients
      .map((rule) => rule.kernelName)
      .filter((name) => tf.getKernel(name, tf.getBackend()) === undefined);
    const complex = ['Complex', 'Real', 'Imag', 'FFT', 'IFFT', 'ComplexAbs'];
    const convolutions = ['ConvNd', 'ConvNdInput', 'ConvNdFilter'];
    const products = ['AddMatMul', 'AddHadamardMatMul'];
    const ours = [...convolutions, ...products, ...fusedKernels, 'ScatterAdd'];
    expect(new Set(missing)).toEqual(new Set(tf.getBackend() === 'wasm' ? complex : ours));
  });
});
