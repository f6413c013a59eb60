/**
 * What a call of a reduction kernel asks for.
 */
import { util } from '@tensorflow/tfjs-core';
import type { Shape } from '../tensor.js';

export interface Reduction {
  /** The axes summed over, none negative. */
  readonly axes: ReadonlyArray<number>;
  /** The shape of the result. */
  readonly shape: number[];
}

/** The reduction over `attrs.axis` of a tensor of shape `from`; with `attrs.keepDims`, reduced axes have length 1. */
export const reductionOf = (from: Shape, attrs: unknown): Reduction => {
  const { axis, keepDims } = attrs as { readonly axis: number | number[]; readonly keepDims?: boolean };
  const axes = util.parseAxisParam(axis, [...from]);
  return { axes, shape: from.flatMap((d, i) => (axes.includes(i) ? (keepDims === true ? [1] : []) : [d])) };
};
