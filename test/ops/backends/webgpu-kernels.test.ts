import { expect, inject, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { tf } from '../../../src/ops/tf.js';
import { numbers } from '../arbitrary.js';

it('a product over 2000 and more with a transposed right side is right', async () => {
  const [m, k, n] = [12, 2000, 16];
  const [a, b] = [numbers(1, m * k), numbers(2, n * k)];
  const y = scope(() => tf.matMul(tensorOf(a, [m, k]), tensorOf(b, [n, k]), false, true));
  const expected = Array.from({ length: m * n }, (_, flat) => {
    const [i, j] = [Math.floor(flat / n), flat % n];
    let sum = 0;
    for (let l = 0; l < k; l++) sum += (a[i * k + l] as number) * (b[j * k + l] as number);
    return sum;
  });
  expect(await read(y)).toBeAllClose(expected, { rtol: 1e-4, atol: 1e-3 });
});

it('a mask can be summed over an inner axis', async () => {
  const x = tensorOf(Float32Array.of(3, 1, 2, 3, 4, 2), [1, 2, 3]);
  const counts = scope(() => tf.sum(tf.cast(tf.equal(x, tf.min(x, [1], true)), 'float32'), [1]));
  expect(await read(counts)).toEqual(Float32Array.of(2, 1, 2));
  const columns = scope(() =>
    tf.transpose(tf.cast(tensorOf(Int32Array.of(1, 2, 3, 4), [1, 2, 2]), 'float32'), [0, 2, 1]),
  );
  expect(await read(columns)).toEqual(Float32Array.of(1, 3, 2, 4));
});

it('reverse cumulative sums and products of one length after another', async () => {
  const x = tensorOf(Float32Array.of(1, 2, 3, 4, 5), [5]);
  for (const n of [5, 2, 3]) {
    const part = tf.slice(x, [5 - n], [n]);
    const tail = [1, 2, 3, 4, 5].slice(5 - n);
    const suffixes = tail.map((_, i) => tail.slice(i));
    expect(await read(tf.cumsum(part, 0, false, true))).toBeAllClose(suffixes.map((s) => s.reduce((a, b) => a + b, 0)));
    expect(await read(tf.cumprod(part, 0, true, true))).toBeAllClose(
      suffixes.map((s) => s.slice(1).reduce((a, b) => a * b, 1)),
    );
  }
});

it('the largest of one entry is not the input', async () => {
  const x = tensorOf(Float32Array.of(3, 4), [2, 1]);
  const { values, indices } = tf.topk(x, 1);
  tf.dispose([values, indices]);
  expect(await read(tf.add(x, 1))).toEqual(Float32Array.of(4, 5));
});

// the wasm backend has no complex numbers
it.skipIf(inject('backend') === 'wasm')('parts of reshaped complex numbers have the new shape', () => {
  const z = tf.reshape(tf.complex(tf.ones([1, 4]), tf.zeros([1, 4])), [2, 2]);
  expect([tf.real(z).shape, tf.imag(z).shape]).toEqual([
    [2, 2],
    [2, 2],
  ]);
});
