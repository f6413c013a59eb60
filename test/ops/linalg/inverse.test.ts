import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { inverse, solve } from '../../../src/ops/linalg/inverse.js';
import { matMul } from '../../../src/ops/mat-mul.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { numbers, runs } from '../arbitrary.js';
import { expectGradient, gradientOf } from '../gradients/finite-difference.js';
import { reference, storedTensor } from './reference.js';

/** Values of what `f` gives. */
const values = async (f: () => Tensor): Promise<Float32Array> => {
  const y = scope(f);
  const out = await read(y);
  y.dispose();
  return out;
};

/** I + x for small x: well conditioned. */
const nearIdentity = (x: Tensor): Tensor => tf.add(tf.mul(x, 0.3), tf.eye(x.shape.at(-1) as number));

const batches: ReadonlyArray<Shape> = [[], [1], [3], [2, 2], [0]];

describe('inverse', () => {
  it('times the matrix is the identity, for batches', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...batches),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
        async (batch, n, seed) => {
          const shape = [...batch, n, n];
          const x = numbers(seed, sizeOf(shape), -1 / Math.sqrt(n), 1 / Math.sqrt(n));
          const before = numTensors();
          const product = await values(() => {
            const A = nearIdentity(tensorOf(x, shape));
            return tf.sub(matMul(A, inverse(A)), tf.eye(n));
          });
          expect(product.length).toBe(sizeOf(shape));
          expect(product).toBeAllClose(new Float32Array(sizeOf(shape)), { atol: 3e-6 });
          expect(numTensors()).toBe(before);
        },
      ),
      { numRuns: runs(30) },
    ));

  it('agrees with torch, with pivoting', async () => {
    for (const { a, b, x, inverse: expected } of reference.solve) {
      expect(await values(() => inverse(storedTensor(a)))).toBeAllClose(expected.data, { rtol: 1e-4, atol: 1e-4 });
      expect(await values(() => solve(storedTensor(a), storedTensor(b)))).toBeAllClose(x.data, {
        rtol: 1e-4,
        atol: 1e-4,
      });
    }
    const swap = await values(() => inverse(tensorOf(Float32Array.of(0, 2, 1, 0), [2, 2])));
    expect(swap).toBeAllClose([0, 1, 0.5, 0]);
  });

  it('has the accuracy of float32 for condition numbers up to 1e4', async () => {
    const n = 12;
    // Diagonal times triangular: the inverse is known.
    const y = await values(() => {
      const D = tensorOf(
        Float32Array.from({ length: n }, (_, i) => 10 ** ((-3 * i) / n)),
        [n, 1],
      );
      const L = tf.add(tf.eye(n), tf.mul(tf.linalg.bandPart(tf.ones([n, n]), -1, 0), 0.1));
      const A = tf.mul(D, L);
      return tf.sub(matMul(inverse(A), A), tf.eye(n));
    });
    expect(y).toBeAllClose(new Float32Array(n * n), { atol: 1e-3 });
  });

  it('of a singular matrix is not finite, and leaves the rest of its batch alone', async () => {
    if (inject('backend') === 'webgpu') return;
    const y = await values(() => inverse(tensorOf(Float32Array.of(1, 2, 2, 4, 2, 0, 0, 4), [2, 2, 2])));
    expect(y.slice(0, 4).every(Number.isNaN)).toBe(true);
    expect(Array.from(y.subarray(4))).toEqual([0.5, 0, 0, 0.25]);
  });

  it('refuses matrices that are not square', () => {
    const A = tensorOf(new Float32Array(6), [2, 3]);
    expect(() => inverse(A)).toThrow(RangeError);
    A.dispose();
  });
});

describe('gradients of inverse and solve', () => {
  it.each([[[2, 2]], [[3, 3]], [[2, 2, 2]], [[1, 1]]] as ReadonlyArray<readonly [Shape]>)('inverse %j', (shape) =>
    expectGradient({ f: (x) => inverse(nearIdentity(x as Tensor)), shapes: [shape], seed: 1, range: [-1, 1] }),
  );

  it('solve, with broadcast batches', () =>
    expectGradient({
      f: (A, B) => solve(nearIdentity(A as Tensor), B as Tensor),
      shapes: [
        [2, 2, 2],
        [2, 1],
      ],
      seed: 2,
      range: [-1, 1],
    }));

  it('second order', () =>
    expectGradient({
      f: gradientOf((x) => tf.square(inverse(nearIdentity(x as Tensor)))),
      shapes: [[2, 2]],
      seed: 3,
      range: [-1, 1],
      tolerance: { rtol: 1e-2, atol: 1e-2 },
    }));

  it('is -Y^T dY Y^T', async () => {
    const A = tensorOf(Float32Array.of(2, 1, 0, 4), [2, 2]);
    const { value, grads } = scope(() => valueAndGrad((p) => tf.sum(inverse(p['A'] as Tensor)))({ A }));
    // Y = [[0.5, -0.125], [0, 0.25]].
    expect(await read(value)).toBeAllClose([0.625]);
    expect(await read(grads['A'] as Tensor)).toBeAllClose([-0.1875, -0.125, -0.046875, -0.03125]);
    tf.dispose([A, value, grads['A'] as Tensor]);
  });
});
