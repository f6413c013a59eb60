import { describe, expect, inject, it } from 'vitest';
import { E } from '../../src/fp.js';
import { currentBackend, dispose, numTensors, read, scope, tensorOf, useBackend } from '../../src/ops/backend.js';
import { recordOf, type Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';

const vector = (...xs: ReadonlyArray<number>): Tensor => tensorOf(Float32Array.from(xs), [xs.length]);

describe('backend', () => {
  it('is the one of the project, and can be asked for again', async () => {
    expect(currentBackend()).toBe(inject('backend'));
    expect(await useBackend(inject('backend'), { gpuOnly: true })).toEqual(E.right(inject('backend')));
    expect(currentBackend()).toBe(inject('backend'));
  });

  it('reads what was put in, as float32', async () => {
    expect(await read(tensorOf(Float32Array.of(1.5, -0, NaN, Infinity), [2, 2]))).toEqual(
      Float32Array.of(1.5, -0, NaN, Infinity),
    );
    const ints = tensorOf(Int32Array.of(-3, 7), [2]);
    expect(ints.dtype).toBe('int32');
    expect(await read(ints)).toEqual(Float32Array.of(-3, 7));
    expect(await read(tf.greater(vector(1, -1), 0))).toEqual(Float32Array.of(1, 0));
    expect(await read(tensorOf(Float32Array.of(4), []))).toEqual(Float32Array.of(4));
  });

  it('shares no memory with the caller', async () => {
    const values = Float32Array.of(1, 2);
    const t = tensorOf(values, [2]);
    values[0] = 9;
    const out = await read(t);
    out[1] = 9;
    expect(await read(t)).toEqual(Float32Array.of(1, 2));
  });

  it('scope keeps the tensors of its result only', async () => {
    const before = numTensors();
    const kept = scope(() => {
      const x = vector(1, 2);
      return { y: tf.add(x, 1), nested: [recordOf([['z', tf.mul(x, 2)]])], n: 3 };
    });
    expect(numTensors()).toBe(before + 2);
    expect(await read(kept.y)).toEqual(Float32Array.of(2, 3));
    expect(await read(kept.nested[0]?.['z'] as Tensor)).toEqual(Float32Array.of(2, 4));
    tf.dispose([kept.y, kept.nested[0]?.['z'] as Tensor]);
    expect(numTensors()).toBe(before);
  });

  it('scope refuses promises and typed arrays', () => {
    const before = numTensors();
    expect(() => scope(() => Promise.resolve(vector(1)))).toThrow(TypeError);
    expect(() => scope(() => new Float32Array(3))).toThrow(TypeError);
    expect(numTensors()).toBe(before);
  });

  it('dispose frees all but what is kept', () => {
    const before = numTensors();
    const [a, b] = [vector(1), vector(2)];
    const record = recordOf([
      ['a', a],
      ['again', a],
      ['b', b],
    ]);
    dispose(record, { keep: { other: b } });
    expect([a.isDisposed, b.isDisposed]).toEqual([true, false]);
    dispose(record);
    expect(numTensors()).toBe(before);
  });
});
