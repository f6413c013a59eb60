/**
 * Which elements a strided slice takes: no tensors.
 */
import { slice_util } from '@tensorflow/tfjs-core';
import type { Shape } from './tensor.js';

/** Attributes of tfjs's StridedSlice; the masks have one bit an entry of `begin`, as in numpy's slices. */
export interface StridedSliceAttrs {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

/** The flat indices that a slice of a tensor takes, in order, and the shape that they have. */
export const stridedIndex = (
  shape: Shape,
  at: StridedSliceAttrs,
): { readonly index: Int32Array; readonly shape: Shape } => {
  const { begin, strides, finalShape, finalShapeSparse } = slice_util.sliceInfo(
    [...shape],
    at.begin,
    at.end,
    at.strides,
    at.beginMask,
    at.endMask,
    at.ellipsisMask,
    at.newAxisMask,
    at.shrinkAxisMask,
  );
  const flat = finalShapeSparse.reduce<ReadonlyArray<number>>(
    (prefixes, n, axis) => {
      const [size, first, step] = [shape, begin, strides].map((x) => x[axis] as number) as [number, number, number];
      return prefixes.flatMap((p) => Array.from({ length: n }, (_, i) => p * size + first + i * step));
    },
    [0],
  );
  return { index: Int32Array.from(flat), shape: finalShape };
};
