import { expect, it } from 'vitest';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';

it('tensorScatterUpdate leaves its input as it was', async () => {
  const x = tensorOf(Float32Array.of(1, 2, 3), [3]);
  const y = tf.tensorScatterUpdate(x, tensorOf(Int32Array.of(1), [1, 1]), tensorOf(Float32Array.of(9), [1]));
  expect(await read(y)).toEqual(Float32Array.of(1, 9, 3));
  expect(await read(x)).toEqual(Float32Array.of(1, 2, 3));
});
