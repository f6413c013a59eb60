import { expect, it } from 'vitest';
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
