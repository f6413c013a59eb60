import fc from 'fast-check';
import { describe, it } from 'vitest';
import { tensorOf } from '../../../src/ops/backend.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { broadcastPairs, runs, shapes } from '../arbitrary.js';
import { expectGradient, gradientOf, type Case } from './finite-difference.js';

const ids = (values: ReadonlyArray<number>, shape: Shape = [values.length]): Tensor =>
  tensorOf(Int32Array.from(values), shape);

const check = (f: Case['f'], inputs: ReadonlyArray<Shape>, seed: number): Promise<void> =>
  expectGradient({ f: (...xs) => tf.square(f(...xs)), shapes: inputs, seed, tolerance: { rtol: 5e-3, atol: 1e-2 } });

describe('gradients of indexing', () => {
  it('gather along any axis, with repeated indices', () =>
    fc.assert(
      fc.asyncProperty(
        shapes(1, 3).chain((shape) =>
          fc
            .tuple(fc.constant(shape), fc.integer({ min: -shape.length, max: shape.length - 1 }))
            .chain(([s, axis]) =>
              fc.tuple(
                fc.constant(s),
                fc.constant(axis),
                fc.array(fc.nat((s.at(axis) as number) - 1), { minLength: 1, maxLength: 5 }),
              ),
            ),
        ),
        fc.integer(),
        ([shape, axis, index], seed) =>
          check((x) => tf.gather(x as Tensor, ids(index) as tf.Tensor1D, axis), [shape], seed),
      ),
      { numRuns: runs(20) },
    ));

  it('gather with a matrix of indices, as in an embedding', () =>
    check((x) => tf.gather(x as Tensor, ids([0, 3, 3, 1, 0, 0], [2, 3])), [[5, 2]], 1));

  it('gather, second order', () =>
    expectGradient({
      f: gradientOf((x) => tf.exp(tf.gather(x as Tensor, ids([0, 2, 2]) as tf.Tensor1D, 1))),
      shapes: [[2, 3]],
      seed: 1,
    }));

  it('gatherND and scatterND', async () => {
    const index = ids([0, 1, 1, 2, 0, 1], [3, 2]);
    await check((x) => tf.gatherND(x as Tensor, index), [[2, 3, 2]], 1);
    await check((x) => tf.scatterND(index, x as Tensor, [2, 3, 2]), [[3, 2]], 2);
  });

  it('tensorScatterUpdate', () =>
    check(
      (x, u) => tf.tensorScatterUpdate(x as Tensor, ids([2, 0], [2, 1]), u as Tensor),
      [
        [4, 3],
        [2, 3],
      ],
      1,
    ));

  it('unsortedSegmentSum, negative ids taking no part', () =>
    check((x) => tf.unsortedSegmentSum(x as Tensor, ids([1, 0, 1, -1, 2]) as tf.Tensor1D, 3), [[5, 2]], 1));

  it('where, broadcast', () =>
    fc.assert(
      fc.asyncProperty(broadcastPairs, fc.integer(), ([a, b], seed) =>
        check(
          (x, y) => tf.where(tf.greater(tf.sub(x as Tensor, y as Tensor), 0.0013), x as Tensor, y as Tensor),
          [a, b],
          seed,
        ),
      ),
      { numRuns: runs(10) },
    ));

  it.each<readonly [string, Shape, ReadonlyArray<number[]>, ReadonlyArray<number>]>([
    [
      'steps',
      [5, 3],
      [
        [0, 0],
        [5, 3],
        [2, 1],
      ],
      [],
    ],
    [
      'backwards',
      [5, 3],
      [
        [4, 2],
        [0, 0],
        [-2, -1],
      ],
      [],
    ],
    [
      'masked ends',
      [4, 3],
      [
        [1, 1],
        [0, 0],
        [1, 2],
      ],
      [2, 3],
    ],
    [
      'ellipsis',
      [2, 3, 4],
      [
        [0, 1],
        [0, 4],
        [1, 2],
      ],
      [0, 0, 1],
    ],
    [
      'a new axis',
      [4, 3],
      [
        [0, 0, 1],
        [0, 4, 3],
        [1, 2, 1],
      ],
      [0, 0, 0, 1],
    ],
    [
      'a dropped axis',
      [4, 3],
      [
        [2, 0],
        [3, 3],
        [1, 2],
      ],
      [0, 0, 0, 0, 1],
    ],
  ])('stridedSlice with %s', (_name, shape, [begin, end, strides], masks) =>
    check(
      (x) => tf.stridedSlice(x as Tensor, begin as number[], end as number[], strides as number[], ...masks),
      [shape],
      1,
    ),
  );

  it.each<readonly [string, Shape, Shape, number, number]>([
    ['one batch axis', [2, 3], [2, 4], 1, 1],
    ['axes between batch and entries', [2, 3, 4], [2, 5], 2, 1],
    ['two batch axes, and axes behind', [2, 2, 3, 2], [2, 2, 2, 2], 2, 2],
  ])('gather with batchDims: %s', (_name, shape, idShape, axis, batchDims) => {
    const n = shape[axis] as number;
    const index = ids(
      Array.from({ length: sizeOf(idShape) }, (_, i) => (i * i + 1) % n),
      idShape,
    );
    return check((x) => tf.gather(x as Tensor, index, axis, batchDims), [shape], 1);
  });

  it('topk, sorted and not', () =>
    fc.assert(
      fc.asyncProperty(shapes(1, 3), fc.boolean(), fc.integer(), (shape, sorted, seed) =>
        check((x) => tf.topk(x as Tensor, Math.ceil((shape.at(-1) as number) / 2), sorted).values, [shape], seed),
      ),
      { numRuns: runs(10) },
    ));
});
