/**
 * Boxes of elements moved from one row-major array to another: what slices, joins and paddings do. No tensors.
 */
import type { TypedArray } from '@tensorflow/tfjs-core';
import type { Shape } from '../tensor.js';

/** An array with its shape and the corner of a box in it. */
export interface Corner {
  readonly values: TypedArray;
  readonly shape: Shape;
  readonly begin: Shape;
}

/** Below this many elements, a loop is faster than making a view of the row. */
const FEW = 16;

/** `to[t + i] = from[f + i]` for i < n. */
export const copyRow = (from: TypedArray, f: number, to: TypedArray, t: number, n: number): void => {
  if (n >= FEW) to.set(from.subarray(f, f + n), t);
  else for (let i = 0; i < n; i++) to[t + i] = from[f + i] as number;
};

/** Copies `count` rows of n elements: `to[t + i tStep + j] = from[f + i fStep + j]`. */
export type CopyRows = (
  from: TypedArray,
  f: number,
  fStep: number,
  to: TypedArray,
  t: number,
  tStep: number,
  n: number,
  count: number,
) => void;

/** In JavaScript, between any arrays. */
export const copyRows: CopyRows = (from, f, fStep, to, t, tStep, n, count) => {
  for (let i = 0; i < count; i++) copyRow(from, f + i * fStep, to, t + i * tStep, n);
};

/** One axis of a box: its length, and where it lies in both arrays. */
interface Axis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly fromBegin: number;
  readonly toBegin: number;
}

/** Joins each axis that the box covers in both arrays with the axis before it. */
const folded = (axes: ReadonlyArray<Axis>): ReadonlyArray<Axis> =>
  axes.reduce<ReadonlyArray<Axis>>((before, axis) => {
    const last = before.at(-1);
    if (last === undefined || axis.size !== axis.from || axis.size !== axis.to) return [...before, axis];
    const joined = {
      size: last.size * axis.size,
      from: last.from * axis.from,
      to: last.to * axis.to,
      fromBegin: last.fromBegin * axis.from,
      toBegin: last.toBegin * axis.to,
    };
    return [...before.slice(0, -1), joined];
  }, []);

const point: Axis = { size: 1, from: 1, to: 1, fromBegin: 0, toBegin: 0 };

/**
 * Copies a box of `size`; both arrays have as many axes as the box, and the box lies inside of both.
 *
 * @param rows copies the rows of the two innermost axes
 */
export const copyBox = (from: Corner, to: Corner, size: Shape, rows: CopyRows = copyRows): void => {
  const axes = folded(
    size.map((n, i) => ({
      size: n,
      from: from.shape[i] as number,
      to: to.shape[i] as number,
      fromBegin: from.begin[i] as number,
      toBegin: to.begin[i] as number,
    })),
  );
  const row = axes.at(-1) ?? point;
  const above = axes.at(-2) ?? point;
  const outer = axes.slice(0, -2);
  /** The sub-box at an axis, whose outer axes are fixed: f and t count elements of the outer axes. */
  const copy = (depth: number, f: number, t: number): void => {
    const axis = outer[depth];
    if (axis === undefined) {
      const first = (f * above.from + above.fromBegin) * row.from + row.fromBegin;
      const target = (t * above.to + above.toBegin) * row.to + row.toBegin;
      rows(from.values, first, row.from, to.values, target, row.to, row.size, above.size);
    } else
      for (let i = 0; i < axis.size; i++)
        copy(depth + 1, f * axis.from + axis.fromBegin + i, t * axis.to + axis.toBegin + i);
  };
  copy(0, 0, 0);
};
