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

/** Copies a box of `size`; both arrays have as many axes as the box, and the box lies inside of both. */
export const copyBox = (from: Corner, to: Corner, size: Shape): void => {
  const axes = folded(
    size.map((n, i) => ({
      size: n,
      from: from.shape[i] as number,
      to: to.shape[i] as number,
      fromBegin: from.begin[i] as number,
      toBegin: to.begin[i] as number,
    })),
  );
  /** The sub-box at an axis, whose outer axes are fixed: f and t count elements of the outer axes. */
  const copy = (depth: number, f: number, t: number): void => {
    const axis = axes[depth];
    if (axis === undefined) {
      to.values[t] = from.values[f] as number;
      return;
    }
    const [first, target] = [f * axis.from + axis.fromBegin, t * axis.to + axis.toBegin];
    if (depth === axes.length - 1) copyRow(from.values, first, to.values, target, axis.size);
    else for (let i = 0; i < axis.size; i++) copy(depth + 1, first + i, target + i);
  };
  copy(0, 0, 0);
};
