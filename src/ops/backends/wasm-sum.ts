/**
 * Sums over axes that are not the last, as sums of rows on the wasm heap: the stock kernel of tfjs 4.22 transposes first, which
 * takes up to 35 ns an element. Gradients of biases and the column norms of DoRA are such sums.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf, type Shape } from '../tensor.js';
import { reductionOf } from './reduction.js';
import { heapOf } from './wasm-heap.js';

/** A shape as [outer, n, inner] with n the summed axes, which must lie side by side; undefined where they do not. */
const blockOf = (shape: Shape, axes: ReadonlyArray<number>): readonly [number, number, number] | undefined => {
  const [first, last] = [Math.min(...axes), Math.max(...axes)];
  if (axes.length === 0 || last - first + 1 !== axes.length) return undefined;
  return [sizeOf(shape.slice(0, first)), sizeOf(shape.slice(first, last + 1)), sizeOf(shape.slice(last + 1))];
};

/** `to[o, :] = sum over i of from[o, i, :]`, summed in float64 and rounded once. */
const sumRows = (from: Float32Array, to: Float32Array, [outer, n, inner]: readonly [number, number, number]): void => {
  const sums = new Float64Array(inner);
  for (let o = 0, at = 0; o < outer; o++) {
    sums.fill(0);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < inner; j++, at++) sums[j] = (sums[j] as number) + (from[at] as number);
    to.set(sums, o * inner);
  }
};

/** Sum over neighbouring axes before the last, and of nothing, in float32; every other sum is left to `stock`. */
export const sumOverRows = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const [heap, x] = [heapOf(args.backend), args.inputs['x'] as TensorInfo];
    const { axes, shape } = reductionOf(x.shape, args.attrs);
    const block = blockOf(x.shape, axes);
    // an empty sum is 0; the stock kernel leaves the output as it finds it
    const empty = sizeOf(x.shape) === 0;
    if (heap === undefined || x.dtype !== 'float32' || block === undefined || (block[2] === 1 && !empty))
      return stock.kernelFunc(args);
    const out = heap.makeOutput(shape, 'float32');
    sumRows(heap.typedArrayFromHeap(x) as Float32Array, heap.typedArrayFromHeap(out) as Float32Array, block);
    return out;
  },
});
