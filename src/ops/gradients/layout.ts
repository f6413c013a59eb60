/**
 * Gradients of kernels that move elements without choosing them by index: reshapes, slices, joins and copies.
 */
import * as tf from '@tensorflow/tfjs-core';
import { padAxis } from '../pad-axis.js';
import { alias, reshape } from '../reshape.js';
import type { Shape, Tensor } from '../tensor.js';
import { scatterAlong } from './scatter-along.js';
import { adjoint, around, shaped, variadic, zeros, type Rule } from './rule.js';

/** Axis counted from the front. */
const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Sum over the repetitions of each axis: the adjoint of Tile. */
const sumTiles = (dy: Tensor, shape: Shape, reps: ReadonlyArray<number>): Tensor =>
  reps.reduce<Tensor>((acc, rep, axis) => {
    if (rep === 1) return acc;
    const [outer, , inner] = around(acc.shape, axis);
    const n = shape[axis] as number;
    const summed = tf.sum(tf.reshape(acc, [outer, rep, n * inner]), 1);
    return tf.reshape(summed, [...acc.shape.slice(0, axis), n, ...acc.shape.slice(axis + 1)]);
  }, tf.clone(dy));

/** `dy` put back where a slice took it from, zeros around. */
const unslice = (dy: Tensor, shape: Shape, begin: ReadonlyArray<number>): Tensor =>
  begin.reduce<Tensor>(
    (acc, b, axis) => padAxis(acc, axis, b, (shape[axis] as number) - b - (dy.shape[axis] as number)),
    tf.clone(dy),
  );

/** The part of `dy` that input `i` of a concatenation contributed. */
const slicePart = (dy: Tensor, shapes: ReadonlyArray<Shape>, i: number, axis: number): Tensor => {
  const start = shapes.slice(0, i).reduce((n, shape) => n + (shape[axis] as number), 0);
  const begin = dy.shape.map((_, j) => (j === axis ? start : 0));
  return tf.slice(dy, begin, [...(shapes[i] as Shape)]);
};

/** Entry `i` along an axis that a stack has added. */
const takeEntry = (dy: Tensor, axis: number, i: number): Tensor => {
  const begin = dy.shape.map((_, j) => (j === axis ? i : 0));
  const size = dy.shape.map((d, j) => (j === axis ? 1 : d));
  return tf.reshape(
    tf.slice(dy, begin, size),
    dy.shape.filter((_, j) => j !== axis),
  );
};

/** Rule of a kernel that splits its input into several outputs, joined again by `join`. */
const splitting = <A>(kernelName: string, input: string, join: (dys: Tensor[], attrs: A) => Tensor): Rule => ({
  kernelName,
  gradFunc: (dy, _saved, attrs) => ({ [input]: () => join(Array.isArray(dy) ? dy : [dy], attrs as unknown as A) }),
});

/** The entry that mirror padding puts at each place of an axis of length n. */
const mirrored = (n: number, [before, after]: readonly [number, number], mode: string): ReadonlyArray<number> => {
  const edge = mode === 'reflect' ? 0 : 1; // whether the outermost entry is repeated
  return Array.from({ length: before + n + after }, (_, i) => {
    const at = i - before;
    return at < 0 ? -at - edge : at < n ? at : 2 * n - 2 - at + edge;
  });
};

/** Blocks of channels as depthToSpace lays them out, taken back: [N, H b, W b, c] to [N, H, W, b b c]. */
const spaceToDepth = (dy: Tensor, shape: number[], b: number, channelsLast: boolean): Tensor => {
  const [N, p, q, r] = shape as [number, number, number, number];
  const [H, W, c] = channelsLast ? [p, q, r / (b * b)] : [q, r, p / (b * b)];
  const blocks = channelsLast ? [N, H, b, W, b, c] : [N, c, H, b, W, b];
  return tf.reshape(
    tf.transpose(tf.reshape(dy, blocks), channelsLast ? [0, 1, 3, 2, 4, 5] : [0, 3, 5, 1, 2, 4]),
    shape,
  );
};

/** Rules of the layout kernels. */
export const layout: ReadonlyArray<Rule> = [
  shaped('Reshape', reshape),
  shaped('ExpandDims', reshape, 'input'),
  adjoint('Identity', alias),
  adjoint<{ readonly dtype: tf.DataType }>('Cast', (dy, { dtype }) =>
    // What is rounded to integers or truth values is constant almost everywhere.
    dtype === 'float32' ? tf.cast(dy, 'float32') : zeros(dy.shape),
  ),
  adjoint<{ readonly perm: ReadonlyArray<number> }>('Transpose', (dy, { perm }) =>
    tf.transpose(
      dy,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ),
  shaped<{ readonly reps: ReadonlyArray<number> }>('Tile', (dy, shape, { reps }) => sumTiles(dy, shape, reps)),
  shaped<{ readonly begin: number | ReadonlyArray<number>; readonly size: unknown }>(
    'Slice',
    (dy, shape, { begin, size }) => {
      type Whole = Parameters<typeof tf.slice_util.parseSliceParams>[0];
      const x = { shape } as Whole; // all that is read of it
      const [start] = tf.slice_util.parseSliceParams(x, begin as number | number[], size as number | number[]);
      return unslice(dy, shape, start as number[]);
    },
  ),
  shaped<{ readonly paddings: ReadonlyArray<readonly [number, number]> }>('PadV2', (dy, shape, { paddings }) =>
    tf.slice(
      dy,
      paddings.map(([before]) => before),
      shape,
    ),
  ),
  shaped<{ readonly paddings: ReadonlyArray<readonly [number, number]>; readonly mode: string }>(
    'MirrorPad',
    (dy, shape, { paddings, mode }) =>
      shape.reduce<Tensor>((acc, n, axis) => {
        const ids = mirrored(n, paddings[axis] as readonly [number, number], mode);
        return scatterAlong(acc, tf.tensor1d([...ids], 'int32'), acc.shape.with(axis, n), axis);
      }, dy),
  ),
  shaped<{ readonly blockSize: number; readonly dataFormat: string }>(
    'DepthToSpace',
    (dy, shape, { blockSize, dataFormat }) => spaceToDepth(dy, shape, blockSize, dataFormat === 'NHWC'),
  ),
  adjoint<{ readonly dims: number | ReadonlyArray<number> }>('Reverse', (dy, { dims }) =>
    tf.reverse(dy, tf.util.parseAxisParam(dims as number | number[], dy.shape)),
  ),
  variadic<{ readonly axis: number }>('Concat', (dy, shapes, i, { axis }) =>
    slicePart(dy, shapes, i, axisOf(axis, dy.rank)),
  ),
  variadic<{ readonly axis: number }>('Pack', (dy, _shapes, i, { axis }) => takeEntry(dy, axisOf(axis, dy.rank), i)),
  splitting<{ readonly axis: number }>('SplitV', 'x', (dys, { axis }) => tf.concat(dys, axis)),
  splitting<{ readonly axis: number }>('Unpack', 'value', (dys, { axis }) => tf.stack(dys, axis)),
];
