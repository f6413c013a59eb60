/** Kernels that move elements, against references; on every backend, since all must agree. */
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { sizeOf, type Shape, type Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { runs, shapes } from '../arbitrary.js';
import { coordinatesOf, flatOf } from './row-major.js';

/** Numbers that differ, of a dtype; an inner axis of 17 makes rows that are copied whole. */
const counting = (shape: Shape, dtype: 'float32' | 'int32'): Tensor => {
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => i + 1);
  return tensorOf(dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), shape);
};

const dtypes = fc.constantFrom<'float32' | 'int32'>('float32', 'int32');

const wide = fc
  .tuple(shapes(1, 4), fc.boolean())
  .map(([shape, long]): Shape => (long ? [...shape.slice(0, -1), 17] : shape));

/** Element of `counting(shape)` at coordinates. */
const valueAt = (at: ReadonlyArray<number>, shape: Shape): number => flatOf(at, shape) + 1;

/** What `f` makes is read, has a dtype and leaves nothing behind. */
const expectValues = async (f: () => Tensor, shape: Shape, values: ReadonlyArray<number>, dtype: string) => {
  const before = numTensors();
  const y = scope(f);
  expect([y.shape, y.dtype]).toEqual([shape, dtype]);
  expect(await read(y)).toEqual(Float32Array.from(values));
  y.dispose();
  expect(numTensors()).toBe(before);
};

const withAxis = wide.chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1)));

describe('gather', () => {
  it('takes entries along any axis, by indices of any rank', () =>
    fc.assert(
      fc.asyncProperty(
        withAxis,
        shapes(1, 2),
        fc.nat(100),
        fc.boolean(),
        dtypes,
        async (at, ids, seed, back, dtype) => {
          const [shape, axis] = at;
          const n = shape[axis] as number;
          const index = Int32Array.from({ length: sizeOf(ids) }, (_, i) => (seed + i * i) % n);
          const out = [...shape.slice(0, axis), ...ids, ...shape.slice(axis + 1)];
          const values = coordinatesOf(out).map((c) => {
            const id = index[flatOf(c.slice(axis, axis + ids.length), ids)] as number;
            return valueAt([...c.slice(0, axis), id, ...c.slice(axis + ids.length)], shape);
          });
          await expectValues(
            () => tf.gather(counting(shape, dtype), tensorOf(index, ids), back ? axis - shape.length : axis),
            out,
            values,
            dtype,
          );
        },
      ),
      { numRuns: runs(100) },
    ));

  it('takes truth values', () =>
    expectValues(() => tf.gather(tf.tensor1d([true, false], 'bool'), [1, 0, 0]), [3], [0, 1, 1], 'bool'));

  it('takes entries batch by batch', () => {
    const [shape, ids] = [
      [2, 3, 4, 5],
      [2, 3, 2],
    ] as const;
    const index = Int32Array.from({ length: sizeOf(ids) }, (_, i) => (i * 3) % 4);
    const values = coordinatesOf([2, 3, 2, 5]).map(([a, b, c, d]) =>
      valueAt([a!, b!, index[flatOf([a!, b!, c!], ids)]!, d!], shape),
    );
    return expectValues(
      () => tf.gather(counting(shape, 'float32'), tensorOf(index, ids), 2, 2),
      [2, 3, 2, 5],
      values,
      'float32',
    );
  });

  // A GPU cannot throw; out of range it gives zeros.
  it.skipIf(inject('backend') === 'webgpu').each([-1, 3, 1000])('refuses index %i of three', (id) =>
    scope(() => {
      const x = counting([2, 3], 'float32');
      expect(() => tf.gather(x, tensorOf(Int32Array.of(0, id), [2]), 1)).toThrow(/index/);
    }),
  );

  it('of no indices is empty', () =>
    expectValues(
      () => tf.gather(counting([2, 3], 'float32'), tensorOf(new Int32Array(0), [0]), 1),
      [2, 0],
      [],
      'float32',
    ));
});

describe('slice, split, pad and concat', () => {
  const margins = (shape: Shape): fc.Arbitrary<ReadonlyArray<number>> =>
    fc.array(fc.nat(2), { minLength: shape.length, maxLength: shape.length });
  const boxes = wide.chain((shape) => fc.tuple(fc.constant(shape), margins(shape), margins(shape)));

  it('slice takes a box', () =>
    fc.assert(
      fc.asyncProperty(boxes, dtypes, async ([shape, starts, ends], dtype) => {
        const begin = shape.map((n, i) => Math.min(starts[i] as number, n - 1));
        const size = shape.map((n, i) => Math.max(1, n - (begin[i] as number) - (ends[i] as number)));
        const values = coordinatesOf(size).map((c) =>
          valueAt(
            c.map((v, i) => v + (begin[i] as number)),
            shape,
          ),
        );
        await expectValues(() => tf.slice(counting(shape, dtype), begin, size), size, values, dtype);
      }),
      { numRuns: runs(60) },
    ));

  it('pad puts a constant around', () =>
    fc.assert(
      fc.asyncProperty(boxes, dtypes, async ([shape, before, after], dtype) => {
        const out = shape.map((n, i) => n + (before[i] as number) + (after[i] as number));
        const values = coordinatesOf(out).map((c) => {
          const at = c.map((v, i) => v - (before[i] as number));
          return at.every((v, i) => v >= 0 && v < (shape[i] as number)) ? valueAt(at, shape) : -7;
        });
        const paddings = shape.map((_, i) => [before[i] as number, after[i] as number] as [number, number]);
        await expectValues(() => tf.pad(counting(shape, dtype), paddings, -7), out, values, dtype);
      }),
      { numRuns: runs(60) },
    ));

  it('concat puts side by side, and split takes apart', () =>
    fc.assert(
      fc.asyncProperty(
        withAxis,
        fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
        dtypes,
        async (at, sizes, dtype) => {
          const [shape, axis] = at;
          fc.pre(sizes.some((n) => n > 0));
          const whole = shape.map((d, i) => (i === axis ? sizes.reduce((a, b) => a + b, 0) : d));
          const values = coordinatesOf(whole).map((c) => valueAt(c, whole));
          const parts = (): Tensor[] => tf.split(counting(whole, dtype), [...sizes], axis);
          await expectValues(() => tf.concat(parts(), axis), whole, values, dtype);
          for (const [part, n] of sizes.entries()) {
            const start = sizes.slice(0, part).reduce((a, b) => a + b, 0);
            const size = shape.map((d, i) => (i === axis ? n : d));
            const expected = coordinatesOf(size).map((c) =>
              valueAt(
                c.map((v, i) => (i === axis ? v + start : v)),
                whole,
              ),
            );
            await expectValues(() => parts()[part] as Tensor, size, expected, dtype);
          }
        },
      ),
      { numRuns: runs(40) },
    ));
});

describe('tile', () => {
  it('repeats along every axis, and so broadcasts', () =>
    fc.assert(
      fc.asyncProperty(
        wide,
        fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
        dtypes,
        async (shape, times, dtype) => {
          const reps = shape.map((_, i) => times[i] as number);
          const out = shape.map((n, i) => n * (reps[i] as number));
          const values = coordinatesOf(out).map((c) =>
            valueAt(
              c.map((at, i) => at % (shape[i] as number)),
              shape,
            ),
          );
          await expectValues(() => tf.tile(counting(shape, dtype), reps), out, values, dtype);
        },
      ),
      { numRuns: runs(30) },
    ));

  it('repeats truth values', async () => {
    const y = scope(() => tf.tile(tf.tensor1d([1, 0], 'bool'), [2]));
    expect(y.dtype).toBe('bool');
    expect([...(await y.data())]).toEqual([1, 0, 1, 0]);
    y.dispose();
  });
});
