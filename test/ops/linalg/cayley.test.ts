import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { cayley, cayleyNeumann, skewSymmetric } from '../../../src/ops/linalg/cayley.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { numbers, runs } from '../arbitrary.js';
import { expectGradient } from '../gradients/finite-difference.js';
import { reference, storedTensor } from './reference.js';

const values = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const out = await read(y);
  y.dispose();
  return out;
};

const skew = (seed: number, blocks: number, n: number, size = 1): Tensor =>
  skewSymmetric(tensorOf(numbers(seed, (blocks * n * (n - 1)) / 2, -size, size), [blocks, (n * (n - 1)) / 2]), n);

describe('skewSymmetric', () => {
  it('fills the upper triangle by rows', async () => {
    const K = await values(() => skewSymmetric(tensorOf(Float32Array.of(1, 2, 3), [3]), 3));
    expect([...K].map((x) => x + 0)).toEqual([0, 1, 2, -1, 0, 3, -2, -3, 0]);
  });

  it('of size 1 is zero, and refuses other numbers of values', async () => {
    expect([...(await values(() => skewSymmetric(tensorOf(new Float32Array(0), [2, 0]), 1)))]).toEqual([0, 0]);
    expect(() => scope(() => skewSymmetric(tensorOf(new Float32Array(4), [4]), 3))).toThrow(RangeError);
  });
});

describe('cayley', () => {
  it.each(reference.oft.map((c) => [c.terms ?? 'exact', c] as const))(
    'is the rotation of PEFT: %s terms',
    async (_, c) => {
      const R = await values(() => {
        const K = skewSymmetric(storedTensor(c.u), 5);
        return c.terms === null ? cayley(K) : cayleyNeumann(K, c.terms);
      });
      expect(R).toBeAllClose(c.rotation.data, { rtol: 1e-5, atol: 1e-6 });
    },
  );

  it('is orthogonal, and its inverse is that of -K', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1e-3, 0.3, 3),
        fc.integer(),
        async (blocks, n, size, seed) => {
          for (const other of [(K: Tensor) => tf.transpose(cayley(K), [0, 2, 1]), (K: Tensor) => cayley(tf.neg(K))]) {
            const product = await values(() => {
              const K = skew(seed, blocks, n, size);
              return tf.sub(matMul(cayley(K), other(K)), tf.eye(n));
            });
            expect(product).toBeAllClose(new Float32Array(blocks * n * n), { atol: 1e-5 });
          }
        },
      ),
      { numRuns: runs(20) },
    ));

  it('is the inverse of what its series tends to', async () => {
    const product = await values(() => {
      const K = skew(1, 1, 4, 0.2);
      return tf.sub(matMul(cayley(K), cayleyNeumann(K, 24)), tf.eye(4));
    });
    expect(product).toBeAllClose(new Float32Array(16), { atol: 1e-5 });
  });
});

describe('gradients of rotations', () => {
  it('skewSymmetric', () => expectGradient({ f: (u) => skewSymmetric(u as Tensor, 3), shapes: [[2, 3]], seed: 1 }));

  it('cayley', () =>
    expectGradient({ f: (u) => cayley(skewSymmetric(u as Tensor, 3)), shapes: [[2, 3]], seed: 2, range: [-0.8, 0.8] }));

  it.each([1, 2, 3, 5, 6])('cayleyNeumann with %d terms', (terms) =>
    expectGradient({
      f: (u) => cayleyNeumann(skewSymmetric(u as Tensor, 3), terms),
      shapes: [[2, 3]],
      seed: 3,
      range: [-0.5, 0.5],
    }),
  );
});
