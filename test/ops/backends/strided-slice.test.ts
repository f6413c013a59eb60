import { expect, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';

it.each(['float32', 'int32'] as const)('stridedSlice of a %s matrix', async (dtype) => {
  const before = numTensors();
  const values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const y = scope(() => {
    const x = tensorOf(dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), [3, 4]);
    return tf.stridedSlice(x, [2, 0], [0, 4], [-1, 3]);
  });
  expect([y.dtype, y.shape]).toEqual([dtype, [2, 2]]);
  expect(await read(y)).toEqual(Float32Array.of(8, 11, 4, 7));
  y.dispose();
  expect(numTensors()).toBe(before);
});
