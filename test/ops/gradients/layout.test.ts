import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { read, scope, tensorOf } from '../../../src/ops/backend.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import { broadcastPairs, runs, shapes } from '../arbitrary.js';
import { expectGradient, gradientOf } from './finite-difference.js';

/** Squared, so that the gradient depends on where an element went. */
const moved =
  (f: (x: Tensor) => Tensor) =>
  (x?: Tensor): Tensor =>
    tf.square(f(x as Tensor));

/** A shape with one value of `of` an axis. */
const withEach = <A>(
  min: number,
  max: number,
  of: (d: number) => fc.Arbitrary<A>,
): fc.Arbitrary<readonly [Shape, A[]]> =>
  shapes(min, max).chain((shape) => fc.tuple(fc.constant(shape), fc.tuple(...shape.map(of))));

const check = (f: (x: Tensor) => Tensor, shape: Shape, seed: number): Promise<void> =>
  expectGradient({ f: moved(f), shapes: [shape], seed, tolerance: { rtol: 5e-3, atol: 5e-3 } });

const property = <A>(
  arbitrary: fc.Arbitrary<A>,
  shapeOf: (a: A) => Shape,
  f: (x: Tensor, a: A) => Tensor,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(arbitrary, fc.integer(), (a, seed) => check((x) => f(x, a), shapeOf(a), seed)),
    { numRuns: runs(15) },
  );

const axisOf = (min: number, max: number): fc.Arbitrary<readonly [Shape, number]> =>
  shapes(min, max).chain((shape) =>
    fc.tuple(fc.constant(shape), fc.integer({ min: -shape.length, max: shape.length - 1 })),
  );

const first = ([shape]: readonly [Shape, unknown]): Shape => shape;

describe('gradients of layout', () => {
  it('reshape, expandDims, squeeze, clone', () =>
    property(
      shapes(1, 4),
      (s) => s,
      (x) => tf.squeeze(tf.expandDims(tf.clone(tf.reshape(x, [x.size])), 1)),
    ));

  it('transpose', () =>
    property(
      shapes(1, 4).chain((shape) =>
        fc.tuple(
          fc.constant(shape),
          fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length }),
        ),
      ),
      first,
      (x, [, perm]) => tf.transpose(x, perm),
    ));

  it('slice of any rank', () =>
    property(
      withEach(1, 5, (d) =>
        fc.integer({ min: 0, max: d - 1 }).chain((b) => fc.tuple(fc.constant(b), fc.integer({ min: 1, max: d - b }))),
      ),
      first,
      (x, [, parts]) =>
        tf.slice(
          x,
          parts.map(([b]) => b),
          parts.map(([, n]) => n),
        ),
    ));

  it('slice with sizes left out', () => check((x) => tf.slice(x, [1], [-1]), [3, 2], 1));

  it('pad', () =>
    property(
      withEach(1, 4, () => fc.tuple(fc.nat(2), fc.nat(2))),
      first,
      (x, [, paddings]) => tf.pad(x, paddings),
    ));

  it('tile', () =>
    property(
      withEach(1, 4, () => fc.integer({ min: 1, max: 3 })),
      first,
      (x, [, reps]) => tf.tile(x, reps),
    ));

  it('broadcastTo', () =>
    property(
      broadcastPairs.map(([a, b]) => [a, tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b])] as const),
      first,
      (x, [, to]) => tf.broadcastTo(x, to),
    ));

  it('reverse', () => property(axisOf(1, 3), first, (x, [, axis]) => tf.reverse(x, axis)));

  it('concat of different sizes', () =>
    property(axisOf(1, 3), first, (x, [, axis]) => tf.concat([tf.mul(x, 2), tf.concat([x, x], axis), x], axis)));

  it('stack and unstack', () =>
    property(axisOf(1, 3), first, (x, [, axis]) =>
      tf.stack(
        tf.unstack(x, axis < 0 ? axis + x.rank : axis).flatMap((t, i) => (i === 1 ? [t, tf.mul(t, 3)] : [t, t])),
        -1,
      ),
    ));

  it('split, also where some parts are not used', () =>
    property(axisOf(1, 3), first, (x, [shape, axis]) => {
      const parts = tf.split(x, Array<number>(shape.at(axis) as number).fill(1), axis);
      return tf.add(parts[0] as Tensor, tf.square(parts.at(-1) as Tensor));
    }));

  it('second order through moves', () =>
    expectGradient({
      f: gradientOf((x) =>
        tf.exp(
          tf.concat(
            [
              tf.tile(tf.slice(x as Tensor, [0, 1], [2, 2]), [1, 2]),
              tf.pad(x as Tensor, [
                [0, 0],
                [0, 1],
              ]),
            ],
            1,
          ),
        ),
      ),
      shapes: [[2, 3]],
      seed: 3,
      tolerance: { rtol: 5e-3, atol: 1e-2 },
    }));

  it('is zero through a cast to integers', async () => {
    const { grads } = scope(() =>
      valueAndGrad((p) => tf.sum(tf.cast(tf.cast(p['x'] as Tensor, 'int32'), 'float32')))({
        x: tensorOf(Float32Array.of(1.5, 2), [2]),
      }),
    );
    expect(await read(grads['x'] as Tensor)).toEqual(new Float32Array(sizeOf([2])));
  });

  it.each(['reflect', 'symmetric'] as const)('mirrorPad, %s', (mode) =>
    expectGradient({
      f: (x) =>
        tf.square(
          tf.mirrorPad(
            x as Tensor,
            [
              [1, 1],
              [0, 2],
            ],
            mode,
          ),
        ),
      shapes: [[2, 3]],
      seed: 1,
      tolerance: { rtol: 5e-3, atol: 1e-2 },
    }),
  );

  // tfjs's cpu backend knows one of the formats
  it.each(inject('backend') === 'cpu' ? (['NHWC'] as const) : (['NHWC', 'NCHW'] as const))(
    'depthToSpace, %s',
    (format) =>
      expectGradient({
        f: (x) => tf.square(tf.depthToSpace(x as tf.Tensor4D, 2, format)),
        shapes: [format === 'NHWC' ? [2, 1, 3, 8] : [2, 8, 1, 3]],
        seed: 1,
        tolerance: { rtol: 5e-3, atol: 1e-2 },
      }),
  );
});
