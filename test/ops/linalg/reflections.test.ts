import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import {
  denseReflections,
  gramSchmidt,
  qrColumns,
  reflections,
  reflectRows,
} from '../../../src/ops/linalg/reflections.js';
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

const zeros = (n: number): Float32Array => new Float32Array(n);

describe('reflections', () => {
  it('are those of PEFT, in both orders and with Gram-Schmidt', async () => {
    for (const { gs, reverse, u, h } of reference.hra) {
      const H = await values(() => {
        const U = storedTensor(u);
        const I = tf.eye(u.shape[0] as number);
        return reflectRows(I, reflections(gs ? gramSchmidt(U) : U), reverse);
      });
      expect(H).toBeAllClose(h.data, { rtol: 1e-4, atol: 2e-6 });
    }
  });

  it('make an orthogonal matrix whose reverse undoes it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer(),
        async (d, r, seed) => {
          const back = await values(() => {
            const h = reflections(tensorOf(numbers(seed, d * r), [d, r]));
            const W = tensorOf(numbers(seed + 1, 3 * d), [3, d]);
            return tf.sub(reflectRows(reflectRows(W, h), h, true), W);
          });
          expect(back).toBeAllClose(zeros(3 * d), { atol: 2e-5 });
          const product = await values(() => {
            const H = denseReflections(reflections(tensorOf(numbers(seed, d * r), [d, r])));
            return tf.sub(matMul(H, H, false, true), tf.eye(d));
          });
          expect(product).toBeAllClose(zeros(d * d), { atol: 2e-5 });
        },
      ),
      { numRuns: runs(30) },
    ));

  it('along pairs of equal columns cancel, whatever the lengths', async () => {
    const d = 7;
    const pairs = numbers(1, 3 * d);
    const U = Float32Array.from({ length: d * 6 }, (_, k) => {
      const column = Math.floor((k % 6) / 2);
      return (pairs[Math.floor(k / 6) * 3 + column] as number) * (1 + (k % 2));
    });
    const H = await values(() => tf.sub(denseReflections(reflections(tensorOf(U, [d, 6]))), tf.eye(d)));
    expect(H).toBeAllClose(zeros(d * d), { atol: 1e-5 });
  });
});

describe('gramSchmidt', () => {
  it('gives orthonormal columns that span the same spaces', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 5 }), fc.integer(), async (r, more, seed) => {
        const d = r + more + 1;
        const U = numbers(seed, d * r);
        const product = await values(() => {
          const Q = gramSchmidt(tensorOf(U, [d, r]));
          return tf.sub(matMul(Q, Q, true), tf.eye(r));
        });
        expect(product).toBeAllClose(zeros(r * r), { atol: 1e-3 });
        const below = await values(() => {
          const Q = gramSchmidt(tensorOf(U, [d, r]));
          return matMul(Q, tensorOf(U, [d, r]), true);
        });
        // Q^T U is upper triangular with a positive diagonal.
        below.forEach((x, k) => {
          const [i, j] = [Math.floor(k / r), k % r];
          if (i > j) expect(Math.abs(x)).toBeLessThan(1e-3);
          if (i === j) expect(x).toBeGreaterThan(0);
        });
      }),
      { numRuns: runs(30) },
    ));
});

describe('qrColumns', () => {
  it('are those of torch, signs and all', async () => {
    const tall = reference.qr.filter(({ a }) => (a.shape[0] as number) >= (a.shape[1] as number));
    expect(tall.length).toBeGreaterThan(0);
    // columns that depend on earlier ones have no direction of their own
    for (const { a, q, r } of tall) {
      const n = r.shape[1] as number;
      if (Array.from({ length: n }, (_, k) => Math.abs(r.data[k * n + k] as number)).some((x) => x < 1e-6)) continue;
      expect(await values(() => qrColumns(storedTensor(a)))).toBeAllClose(q.data, { rtol: 1e-4, atol: 1e-5 });
    }
  });

  it('of one row and of a square are rotations up to signs', async () => {
    expect(await values(() => qrColumns(tensorOf(Float32Array.of(-3), [1, 1])))).toEqual(Float32Array.of(1));
    const square = await values(() => {
      const Q = qrColumns(tensorOf(numbers(4, 9), [3, 3]));
      return tf.sub(matMul(Q, Q, true), tf.eye(3));
    });
    expect(square).toBeAllClose(zeros(9), { atol: 1e-5 });
  });
});

describe('gradients of reflections', () => {
  it.each([1, 2, 3])('qrColumns of %d columns', (r) =>
    expectGradient({ f: (A) => qrColumns(A as Tensor), shapes: [[4, r]], seed: 20 + r }),
  );

  it.each([1, 2, 3])('a product of %d', (r) =>
    expectGradient({ f: (U) => denseReflections(reflections(U as Tensor)), shapes: [[4, r]], seed: r }),
  );

  it('rows reflected in reverse', () =>
    expectGradient({
      f: (W, U) => reflectRows(W as Tensor, reflections(U as Tensor), true),
      shapes: [
        [2, 4],
        [4, 2],
      ],
      seed: 5,
    }));

  it.each([1, 2, 3])('gramSchmidt of %d columns', (r) =>
    expectGradient({ f: (U) => gramSchmidt(U as Tensor), shapes: [[4, r]], seed: 10 + r }),
  );
});
