import { describe, expect, inject, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { hasKernel } from '../../src/ops/has-kernel.js';
import { scatterAdd } from '../../src/ops/scatter-add.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { numbers } from './arbitrary.js';
import { expectGradient, gradientOf } from './gradients/finite-difference.js';

const values = async (x: Float32Array, index: Int32Array, v: Float32Array): Promise<ReadonlyArray<number>> => {
  const before = numTensors();
  const W = tensorOf(x, [2, x.length / 2]);
  const y = scope(() => scatterAdd(W, index, tensorOf(v, [v.length])));
  expect(y.shape).toEqual(W.shape);
  const result = [...(await read(y))];
  // x is as it was, and y has a place of its own
  expect(await read(W)).toEqual(x);
  y.dispose();
  expect(await read(W)).toEqual(x);
  W.dispose();
  expect(numTensors()).toBe(before);
  return result;
};

describe('scatterAdd', () => {
  it('is one kernel on wasm', () => expect(hasKernel('ScatterAdd')).toBe(inject('backend') === 'wasm'));

  it('adds at the places alone, and adds up what comes twice', async () => {
    const x = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(await values(x, Int32Array.of(5, 0, 3), Float32Array.of(10, 20, 30))).toEqual([21, 2, 3, 34, 5, 16]);
    expect(await values(x, Int32Array.of(2, 2), Float32Array.of(0.5, 0.25))).toEqual([1, 2, 3.75, 4, 5, 6]);
    expect(await values(x, new Int32Array(0), new Float32Array(0))).toEqual([...x]);
    expect(await values(Float32Array.of(-0, -0), Int32Array.of(1), Float32Array.of(1))).toEqual([-0, 1]);
  });

  it('refuses another number of values, and on wasm places outside', () => {
    const at = (index: ReadonlyArray<number>, n: number) => (): Tensor =>
      scope(() => scatterAdd(tensorOf(numbers(1, 4), [4]), Int32Array.from(index), tensorOf(numbers(2, n), [n])));
    expect(at([0, 1], 3)).toThrow('3 values at 2 places');
    if (inject('backend') !== 'wasm') return;
    const before = numTensors();
    expect(at([0, 4], 2)).toThrow('index 4 is not in [0, 4)');
    expect(at([-1, 0], 2)).toThrow('index -1 is not in [0, 4)');
    expect(numTensors()).toBe(before);
  });

  it('has gradients of every order', async () => {
    const f = (x: Tensor, v: Tensor): Tensor => scatterAdd(x, Int32Array.of(4, 1, 4), v);
    const square = (x: Tensor, v: Tensor): Tensor => tf.square(f(x, v));
    await expectGradient({ f: (x, v) => f(x as Tensor, v as Tensor), shapes: [[2, 3], [3]], seed: 3 });
    await expectGradient({ f: (x, v) => square(x as Tensor, v as Tensor), shapes: [[2, 3], [3]], seed: 4 });
    const constant = tensorOf(numbers(5, 6), [2, 3]);
    await expectGradient({ f: gradientOf((v) => square(constant, v as Tensor)), shapes: [[3]], seed: 6 });
  });
});
