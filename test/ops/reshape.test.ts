import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numTensors, read, tensorFrom, tensorOf } from '../../src/ops/backend.js';
import { alias, reshape } from '../../src/ops/reshape.js';
import { sizeOf, type Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { numbers, runs, shapes } from './arbitrary.js';
import { expectGradient, gradientOf } from './gradients/finite-difference.js';

describe('reshape', () => {
  it('shares the elements, which live as long as either tensor', () =>
    fc.assert(
      fc.asyncProperty(shapes(0, 4), fc.integer(), fc.boolean(), async (shape, seed, first) => {
        const before = numTensors();
        const values = numbers(seed, sizeOf(shape));
        const x = tensorOf(values, shape);
        const { numDataBuffers } = tf.memory();
        const y = reshape(x, [sizeOf(shape), 1]);
        expect(tf.memory().numDataBuffers).toBe(numDataBuffers);
        expect(y.shape).toEqual([sizeOf(shape), 1]);
        const [freed, left] = first ? [x, y] : [y, x];
        freed.dispose();
        expect(await read(left)).toEqual(values);
        left.dispose();
        expect(numTensors()).toBe(before);
        expect(tf.memory().numDataBuffers).toBe(numDataBuffers - 1);
      }),
      { numRuns: runs(20) },
    ));

  it('takes tensors whose values lie elsewhere', async () => {
    const x = tensorFrom((place = new Float32Array(2)) => (place.set([1, 2]), place), [2]);
    const y = reshape(x, [2, 1]);
    x.dispose();
    expect(await read(y)).toEqual(Float32Array.of(1, 2));
  });

  it('refuses another number of elements', () => {
    expect(() => reshape(tensorOf(new Float32Array(6), [2, 3]), [2, 2])).toThrow(/reshape of \[2, 3\] to \[2, 2\]/);
  });

  it('has a gradient, and that the next, with tapes of ours and of tfjs', async () => {
    const f = (x: Tensor | undefined): Tensor => tf.square(reshape(alias(x as Tensor), [3, 2]));
    await expectGradient({ f, shapes: [[2, 3]], seed: 1 });
    await expectGradient({ f: gradientOf(f), shapes: [[2, 3]], seed: 2 });
    const x = tensorOf(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const once = (v: Tensor): Tensor => tf.sum(f(v));
    expect(await read(tf.grad(once)(x))).toEqual(Float32Array.of(2, 4, 6, 8, 10, 12));
    expect(await read(tf.grad((v: Tensor) => tf.sum(tf.grad(once)(v)))(x))).toEqual(new Float32Array(6).fill(2));
  });

  it('is a constant where it is not followed', async () => {
    const x = tensorOf(Float32Array.of(1, 2), [2]);
    const { grads } = valueAndGrad((p) => tf.sum(tf.mul(p['x'] as Tensor, alias(x))))({ x });
    expect(await read(grads['x'] as Tensor)).toEqual(Float32Array.of(1, 2));
  });
});
