import { describe, expect, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { heapOf } from '../../../src/ops/backends/wasm-heap.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { numbers } from '../arbitrary.js';

/** What tfjs itself multiplies, past our matMul. */
const product = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const values = await read(y);
  y.dispose();
  return values;
};

const sums = (a: Float32Array, b: Float32Array, m: number, k: number, n: number): number[] =>
  Array.from({ length: m * n }, (_, flat) => {
    const [i, j] = [Math.floor(flat / n), flat % n];
    let sum = 0;
    for (let l = 0; l < k; l++) sum += (a[i * k + l] as number) * (b[l * n + j] as number);
    return sum;
  });

const close = { rtol: 1e-4, atol: 1e-4 };

describe('the mended kernels', () => {
  it.each([2, 16])('BatchMatMul of %i rows by a matrix and its reshape: no stale packing', async (m) => {
    const values = numbers(1, 32 * 48);
    const w = tensorOf(values, [32, 48]);
    const v = tf.reshape(w, [48, 32]);
    for (let round = 0; round < 2; round++) {
      const [x, z] = [numbers(2, m * 32), numbers(3, m * 48)];
      expect(await product(() => tf.matMul(tensorOf(x, [m, 32]), w as tf.Tensor2D))).toBeAllClose(
        sums(x, values, m, 32, 48),
        close,
      );
      expect(await product(() => tf.matMul(tensorOf(z, [m, 48]), v))).toBeAllClose(sums(z, values, m, 48, 32), close);
    }
  });

  it('BatchMatMul keeps apart the batches of one buffer, with transposes', async () => {
    const [a, b] = [numbers(1, 2 * 20 * 16), numbers(2, 2 * 20 * 16)];
    // a^T b for each of two batches
    const y = await product(() => tf.matMul(tensorOf(a, [2, 20, 16]), tensorOf(b, [2, 20, 16]), true, false));
    const transposed = (x: Float32Array): Float32Array =>
      x.map((_, i) => x[(i % 20) * 16 + Math.floor(i / 20)] as number);
    const expected = [0, 1].flatMap((i) =>
      sums(transposed(a.slice(i * 320, (i + 1) * 320)), b.slice(i * 320, (i + 1) * 320), 16, 20, 16),
    );
    expect(y).toBeAllClose(expected, close);
  });

  it('a new tensor after a freed one is not read through old packing', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const [x, w] = [numbers(seed, 2 * 64), numbers(seed + 10, 64 * 64)];
      expect(await product(() => tf.matMul(tensorOf(x, [2, 64]), tensorOf(w, [64, 64])))).toBeAllClose(
        sums(x, w, 2, 64, 64),
        close,
      );
    }
  });

  it('BatchMatMul refuses inner sizes that differ', () => {
    scope(() => {
      expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))).toThrow(/inner shapes/);
    });
  });

  it('UnsortedSegmentSum adds rows and drops negative ids', async () => {
    const x = tensorOf(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [4, 2]);
    const y = tf.unsortedSegmentSum(x, tensorOf(Int32Array.of(2, 0, 2, -1), [4]) as tf.Tensor1D, 3);
    expect(await read(y)).toEqual(Float32Array.of(3, 4, 0, 0, 6, 8));
  });

  it('Identity and an idle Cast share the buffer, and outlive each other', async () => {
    const before = numTensors();
    const x = tensorOf(Float32Array.of(1, 2), [2]);
    const [y, z] = [tf.clone(x), tf.cast(x, 'float32')];
    expect([y.dataId, z.dataId]).toEqual([x.dataId, x.dataId]);
    x.dispose();
    y.dispose();
    expect(await read(z)).toEqual(Float32Array.of(1, 2));
    z.dispose();
    expect(numTensors()).toBe(before);
  });

  it('Cast makes truth values of fractions, and numbers of truth values', async () => {
    const truth = tf.cast(tensorOf(Float32Array.of(0, 0.5, -0.5, 2), [4]), 'bool');
    expect(await read(truth)).toEqual(Float32Array.of(0, 1, 1, 1));
    expect(await read(tf.cast(truth, 'float32'))).toEqual(Float32Array.of(0, 1, 1, 1));
    expect(await read(tf.cast(tensorOf(Float32Array.of(1.7, -1.7), [2]), 'int32'))).toEqual(Float32Array.of(1, -1));
  });

  it('recognises only the heap it knows', () => {
    expect(heapOf({})).toBeUndefined();
    expect(heapOf({ wasm: { cwrap: () => undefined, tfjs: {} } })).toBeUndefined();
    expect(heapOf(tf.backend()) !== undefined).toBe(tf.getBackend() === 'wasm');
  });
});
