import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { addMatMul, addProduct } from '../../src/ops/add-mat-mul.js';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { hasKernel } from '../../src/ops/has-kernel.js';
import { productLike } from '../../src/ops/gradients/product.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { alias } from '../../src/ops/reshape.js';
import { sizeOf, type Shape, type Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { numbers, runs } from './arbitrary.js';
import { expectGradient, gradientOf } from './gradients/finite-difference.js';

const made = (seed: number, shape: Shape): Tensor => tensorOf(numbers(seed, sizeOf(shape)), shape);

const cases = fc.record({
  batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
  // whether all batches have one A
  shares: fc.boolean(),
  m: fc.integer({ min: 0, max: 21 }),
  n: fc.integer({ min: 0, max: 21 }),
  r: fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 255, max: 258 })),
  s: fc.constantFrom(1, -1, 0.3),
  factor: fc.boolean(),
  transposeA: fc.boolean(),
  seed: fc.integer(),
});

describe('addProduct', () => {
  const size = fc.integer({ min: 0, max: 9 });
  const batched = fc.constantFrom<readonly [Shape, Shape, Shape]>(
    [[], [], []],
    [[2], [2], [2]],
    [[2], [2], []],
    // the product is summed over a batch
    [[], [2], [2]],
    [[1], [2], [1]],
  );

  it('is the sum with the product, in the place of a sum whose values no other tensor has, and changes no other', () =>
    fc.assert(
      fc.asyncProperty(
        batched,
        fc.tuple(size, size, size),
        fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
        fc.integer(),
        async ([batch, batchA, batchB], [m, k, n], [tA, tB, shared], seed) => {
          const before = numTensors();
          const shape = [...batch, m, n];
          const values = numbers(seed, sizeOf(shape));
          const [sum, a, b] = [
            tensorOf(values, shape),
            made(seed + 1, [...batchA, ...(tA ? [k, m] : [m, k])]),
            made(seed + 2, [...batchB, ...(tB ? [n, k] : [k, n])]),
          ];
          const other = shared ? alias(sum) : tensorOf(values, shape);
          const expected = scope(() => tf.add(sum, productLike([a, b, tA, tB], sum)));
          const { numDataBuffers } = tf.memory();
          const y = scope(() => addProduct(sum, [a, b, tA, tB]));
          const inPlace = tf.memory().numDataBuffers === numDataBuffers;
          const plain = batch.length === batchA.length && batch[0] === batchA[0] && m * k * n > 0;
          expect(inPlace).toBe(inject('backend') === 'wasm' && !shared && plain);
          expect(await read(y)).toBeAllClose(await read(expected), { rtol: 1e-5, atol: 1e-5 });
          expect(await read(other)).toEqual(values);
          [sum, other, a, b, y, expected].forEach((t) => t.dispose());
          expect(numTensors()).toBe(before);
        },
      ),
      { numRuns: runs(60) },
    ));
});

describe('addMatMul', () => {
  it('is one kernel on wasm', () => {
    const names = ['AddMatMul', 'AddHadamardMatMul'];
    expect(names.map(hasKernel)).toEqual(names.map(() => inject('backend') === 'wasm'));
  });

  it('has the bits of the product, its multiples and the sum one after the other, and leaves what it reads', () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ batch, shares, m, n, r, s, factor, transposeA, seed }) => {
        const before = numTensors();
        const shape = [...batch, m, n];
        const [W, F] = [made(seed, shape), made(seed + 1, shape)];
        const [B, A] = [
          made(seed + 2, [...batch, m, r]),
          made(seed + 3, [...(shares ? [] : batch), ...(transposeA ? [n, r] : [r, n])]),
        ];
        const y = scope(() => addMatMul(W, B, A, { s, transposeA, ...(factor ? { factor: F } : {}) }));
        const expected = scope(() => {
          const product = matMul(B, A, false, transposeA);
          return tf.add(W, tf.mul(s, factor ? tf.mul(F, product) : product));
        });
        expect(y.shape).toEqual(shape);
        const [ours, theirs] = [await read(y), await read(expected)];
        if (inject('backend') === 'wasm') expect(ours).toEqual(theirs);
        else expect(ours).toBeAllClose(theirs, { rtol: 1e-5, atol: 1e-5 });
        expect(await read(W)).toEqual(numbers(seed, m * n * sizeOf(batch)));
        [W, F, B, A, y, expected].forEach((t) => t.dispose());
        expect(numTensors()).toBe(before);
      }),
      { numRuns: runs(40) },
    ));

  it('is one factor for itself: W * (1 + B A)', async () => {
    const [W, B, A] = [made(1, [9, 13]), made(2, [9, 2]), made(3, [2, 13])];
    const expected = tf.mul(W, tf.add(matMul(B, A), 1));
    expect(await read(addMatMul(W, B, A, { factor: W }))).toBeAllClose(await read(expected), {
      rtol: 1e-5,
      atol: 1e-6,
    });
  });

  it('refuses factors of another shape', () => {
    const [W, B] = [made(1, [4, 5]), made(2, [4, 3])];
    const adds = (A: Shape, factor?: Shape) => (): Tensor =>
      scope(() => addMatMul(W, B, made(3, A), factor === undefined ? {} : { factor: made(4, factor) }));
    const before = numTensors();
    expect(adds([2, 5])).toThrow('addMatMul of [4, 3] and [2, 5] to [4, 5]');
    expect(adds([3, 4])).toThrow(RangeError);
    expect(adds([2, 3, 5])).toThrow(RangeError);
    expect(adds([3, 5], [5, 4])).toThrow(RangeError);
    expect(adds([5])).toThrow(RangeError);
    expect(numTensors()).toBe(before);
  });

  it('has gradients of every order', async () => {
    const shapes = [
      [4, 3],
      [4, 2],
      [2, 3],
      [4, 3],
    ];
    const plain = (...x: ReadonlyArray<Tensor | undefined>): Tensor => {
      const [W, B, A] = x as [Tensor, Tensor, Tensor];
      return tf.square(addMatMul(W, B, A, { s: 0.5 }));
    };
    const factored = (...x: ReadonlyArray<Tensor | undefined>): Tensor => {
      const [W, B, A, factor] = x as [Tensor, Tensor, Tensor, Tensor];
      return tf.square(addMatMul(W, B, A, { s: -2, factor }));
    };
    const turned = (...x: ReadonlyArray<Tensor | undefined>): Tensor => {
      const [W, B, A, factor] = x as [Tensor, Tensor, Tensor, Tensor];
      const At = tf.transpose(A);
      const plainly = addMatMul(W, B, At, { s: 3, transposeA: true });
      return tf.add(tf.square(plainly), addMatMul(W, B, At, { factor, transposeA: true }));
    };
    const own = (...x: ReadonlyArray<Tensor | undefined>): Tensor => {
      const [W, B, A] = x as [Tensor, Tensor, Tensor];
      return addMatMul(W, B, A, { factor: W });
    };
    const tolerance = { rtol: 1e-2, atol: 1e-2 };
    await expectGradient({ f: plain, shapes: shapes.slice(0, 3), seed: 3, tolerance });
    await expectGradient({ f: factored, shapes, seed: 4, tolerance });
    await expectGradient({ f: turned, shapes, seed: 12, tolerance });
    await expectGradient({ f: own, shapes: shapes.slice(0, 3), seed: 5, tolerance });
    const [W, A, F] = [made(6, [4, 3]), made(7, [2, 3]), made(8, [4, 3])];
    const inB = (B: Tensor | undefined): Tensor => factored(W, B, A, F);
    await expectGradient({ f: gradientOf(inB), shapes: [[4, 2]], seed: 9, tolerance });
    await expectGradient({ f: gradientOf((B) => plain(W, B, A)), shapes: [[4, 2]], seed: 10, tolerance });
  });

  it('sums gradients over batches that a factor is shared by', async () => {
    const f = (...x: ReadonlyArray<Tensor | undefined>): Tensor => {
      const [W, B, A] = x as [Tensor, Tensor, Tensor];
      return tf.square(addMatMul(W, B, A));
    };
    const shapes = [
      [2, 3, 4],
      [2, 3, 2],
      [2, 4],
    ];
    await expectGradient({ f, shapes, seed: 11, tolerance: { rtol: 1e-2, atol: 1e-2 } });
  });
});
