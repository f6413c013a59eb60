import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressedLinear, meanDirection } from '../../src/ops/compressed-linear.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { key, normal } from '../../src/ops/random.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';

const sizes = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 }));

describe('compressedLinear', () => {
  it('has the values and the input gradient of a linear map, and the weight gradient of a compressed input', () =>
    fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), async ([T, inputs, r], groups) => {
        const d = Math.ceil(inputs / groups);
        const [x, A, c] = [normal(key(1), [T, inputs]), normal(key(2), [r, inputs]), normal(key(3), [T, r])];
        const e = tf.div(tf.ones([d]), Math.sqrt(d));
        const through = (compress: boolean) =>
          valueAndGrad((p) =>
            tf.sum(
              tf.mul(
                c,
                compress
                  ? compressedLinear(p['x']!, p['A']!, { e, groups, scale: 0.5 })
                  : matMul(p['x']!, p['A']!, false, true),
              ),
            ),
          )({ x, A });
        const [ours, plain] = [through(true), through(false)];
        expect(await read(ours.value)).toBeAllClose(await read(plain.value), { rtol: 1e-4, atol: 1e-5 });
        expect(await read(ours.grads['x']!)).toBeAllClose(await read(plain.grads['x']!), { atol: 1e-5 });
        // x' = 0.5 (x_g . e) e
        const [X, dy] = [await read(x), await read(c)];
        const seen = X.map((_, at) => {
          const [t, j] = [Math.floor(at / inputs), at % inputs];
          const start = Math.floor(j / d) * d;
          const sum = X.slice(t * inputs + start, t * inputs + Math.min(inputs, start + d)).reduce((a, b) => a + b, 0);
          return (0.5 * sum) / d;
        });
        const expected = Float32Array.from({ length: r * inputs }, (_, at) => {
          const [i, j] = [Math.floor(at / inputs), at % inputs];
          return Array.from({ length: T }, (_, t) => dy[t * r + i]! * seen[t * inputs + j]!).reduce((a, b) => a + b, 0);
        });
        expect(await read(ours.grads['A']!)).toBeAllClose(expected, { rtol: 1e-4, atol: 1e-5 });
      }),
      { numRuns: 20 },
    ));
});

describe('meanDirection', () => {
  const x = tensorOf(Float32Array.of(1, 2, 3, 4, 5, 0), [2, 3]);

  it('is the mean group at unit norm, with zeros behind what is missing', async () => {
    // groups [1, 2], [3, 0], [4, 5], [0, 0]
    const [a, b] = [2, 1.75];
    expect(await read(meanDirection(x, 2))).toBeAllClose([a / Math.hypot(a, b), b / Math.hypot(a, b)]);
  });

  it('takes a direction that is given, unless it is zero, and ones where all is zero', async () => {
    expect(await read(meanDirection(x, 2, tensorOf(Float32Array.of(0, 2), [2])))).toBeAllClose([0, 1]);
    expect(await read(meanDirection(x, 2, tf.zeros([2])))).toBeAllClose(await read(meanDirection(x, 2)));
    expect(await read(meanDirection(tf.zeros([2, 4]), 1))).toBeAllClose([0.5, 0.5, 0.5, 0.5]);
  });
});
