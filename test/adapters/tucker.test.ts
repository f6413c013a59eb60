import { describe, expect, it } from 'vitest';
import { overKernel } from '../../src/adapters/tucker.js';
import { read } from '../../src/ops/backend.js';
import { key, normal } from '../../src/ops/random.js';

describe('overKernel', () => {
  it.each([
    [2, 3, [2, 2]],
    [3, 1, [3, 1]],
    [1, 4, [1, 2]],
  ])('is the sum over j of wb[j, q] t[i, j, k], rank %i, %i inputs, kernel %j', async (r, inputs, kernel) => {
    const size = kernel.reduce((n, k) => n * k, 1);
    const [core, wb] = [normal(key(1), [r, r, ...kernel]), normal(key(2), [r, inputs])];
    const [t, w] = [await read(core), await read(wb)];
    const expected = Float32Array.from({ length: r * inputs * size }, (_, at) => {
      const [i, q, k] = [Math.floor(at / (inputs * size)), Math.floor(at / size) % inputs, at % size];
      return Array.from({ length: r }, (_, j) => w[j * inputs + q]! * t[(i * r + j) * size + k]!).reduce(
        (a, b) => a + b,
      );
    });
    const A = overKernel(core, wb);
    expect(A.shape).toEqual([r, inputs * size]);
    expect(await read(A)).toBeAllClose(expected, { atol: 1e-5 });
  });
});
