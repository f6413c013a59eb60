/** Products on the wasm backend: what tfjs's own kernels get wrong, and that ours do not. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import { E } from '../../../src/fp.js';
import { currentBackend, numTensors, read, scope, tensorOf, useBackend } from '../../../src/ops/backend.js';
import { gemmOf, openOn } from '../../../src/ops/backends/wasm-gemm.js';
import { plainGemm } from '../../../src/ops/kernels/gemm.js';
import type { Shape, Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { problemsOf, right } from '../../setup/result.js';
import { numbers } from '../arbitrary.js';

const values = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const found = await read(y);
  y.dispose();
  return found;
};

const tensor = (seed: number, shape: Shape): Tensor =>
  tensorOf(
    numbers(
      seed,
      shape.reduce((n, d) => n * d, 1),
    ),
    shape,
  );

const activations = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

describe('the fused product', () => {
  const cases = activations.flatMap((activation) =>
    [false, true].flatMap((tA) => [false, true].map((tB) => [activation, tA, tB] as const)),
  );

  it.each(cases)('is %s(a b + bias) with transposes %s, %s', async (activation, transposeA, transposeB) => {
    const [m, k, n] = [5, 100, 7];
    const at = (seed: number, shape: Shape): Tensor => tensor(seed, shape);
    const operands = (): readonly [Tensor, Tensor, Tensor] => [
      at(1, transposeA ? [k, m] : [m, k]),
      at(2, transposeB ? [n, k] : [k, n]),
      at(3, [n]),
    ];
    const alpha = (): Tensor => tensorOf(Float32Array.of(0.3), [1]);
    const fused = await values(() => {
      const [a, b, bias] = operands() as [tf.Tensor2D, tf.Tensor2D, Tensor];
      const extra = activation === 'prelu' ? { preluActivationWeights: alpha() } : {};
      return tf.fused.matMul({ a, b, transposeA, transposeB, bias, activation, leakyreluAlpha: 0.2, ...extra });
    });
    const apart = await values(() => {
      const [a, b, bias] = operands();
      const y = tf.add(tf.matMul(a, b, transposeA, transposeB), bias);
      const act = {
        linear: () => y,
        relu: () => tf.relu(y),
        relu6: () => tf.relu6(y),
        elu: () => tf.elu(y),
        sigmoid: () => tf.sigmoid(y),
        leakyrelu: () => tf.leakyRelu(y, 0.2),
        prelu: () => tf.prelu(y, alpha()),
      };
      return act[activation]();
    });
    expect(fused).toBeAllClose(apart);
  });

  it('adds the bias once', async () => {
    const product = (): Tensor =>
      tf.fused.matMul({
        a: tf.ones([2, 100]),
        b: tf.ones([3, 100]),
        transposeB: true,
        bias: tensorOf(Float32Array.of(10, 20, 30), [3]),
      });
    expect([...(await values(product))]).toEqual([110, 120, 130, 110, 120, 130]);
  });
});

describe.runIf(inject('backend') === 'wasm')('on wasm', () => {
  afterAll(async () => void right(await useBackend('wasm')));

  /** A backend with the same heap, on which none of our products are installed. */
  const stock = (): object => new Proxy(tf.backend(), {});

  it('the stock fused product is wrong with a transpose, a bias and more than 48 products in a sum', () => {
    scope(() => {
      const bias = tensorOf(Float32Array.of(10, 20, 30), [3]);
      const inputs = { a: tf.ones([1, 2, 100]), b: tf.ones([1, 3, 100]), bias };
      const attrs = { transposeA: false, transposeB: true, activation: 'linear' };
      const { kernelFunc } = tf.getKernel('_FusedMatMul', 'wasm');
      const y = kernelFunc({ inputs, attrs: attrs as never, backend: stock() }) as TensorInfo;
      expect([...tf.engine().makeTensorFromTensorInfo(y).dataSync()]).not.toEqual([110, 120, 130, 110, 120, 130]);
    });
  });

  it('multiplies on the heap as it is after it has grown', async () => {
    const x = tensor(1, [40, 50]);
    const expected = await values(() => tf.matMul(x, x, true, false));
    const { HEAPU8: before } = (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm;
    const large = tf.zeros([before.length / 4 + 1000]);
    expect(before.length).toBe(0); // its buffer is detached
    expect(await values(() => tf.matMul(x, x, true, false))).toEqual(expected);
    large.dispose();
  });

  it('leaves a backend that is not as expected to tfjs, and says so', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (const wasm of [undefined, {}, { asm: {} }, { asm: { memory: {} }, _malloc: () => 0 }]) {
      const other = Object.assign(Object.create(tf.backend()) as object, { wasm });
      expect(await openOn(other, plainGemm)).toBeUndefined();
    }
    expect(warn.mock.calls.map(([text]) => text as string)).toEqual(
      Array<unknown>(4).fill(expect.stringMatching(/not the wasm backend of tfjs 4.22/)),
    );
    warn.mockRestore();
    expect(gemmOf(tf.backend())).toBeDefined();
  });

  it.each(['fma', 'native'] as const)('multiplies by %s where that can be had', async (gemm) => {
    const product = (): Promise<Float32Array> =>
      values(() => tf.matMul(tensor(1, [3, 20, 70]), tensor(2, [3, 20, 90]), true, false));
    const plain = await product();
    const tensors = numTensors();
    const started = await useBackend('wasm', { gemm, native: { threads: 1 } });
    expect(currentBackend()).toBe('wasm');
    if (E.isRight(started)) expect(await product()).toBeAllClose(plain, { rtol: 1e-5, atol: 1e-5 });
    right(await useBackend('wasm'));
    expect(await product()).toEqual(plain);
    expect(numTensors()).toBe(tensors);
  });

  it('keeps the products before when others cannot be had', async () => {
    const before = gemmOf(tf.backend());
    const failed = await useBackend('wasm', { gemm: 'native', native: { path: 'libnosuchblas.so' } });
    expect(problemsOf(failed)).toMatchObject([{ at: 'OpenBLAS' }]);
    expect(gemmOf(tf.backend())).toBe(before);
    expect(currentBackend()).toBe('wasm');
  });
});
