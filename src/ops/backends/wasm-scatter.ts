/**
 * Sparse changes on the wasm heap: one copy of the tensor, and additions in place.
 */
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { heapOf } from './wasm-heap.js';

/**
 * `y = x`, then `y[index[i]] += values[i]`, in order and rounded each time.
 *
 * @throws RangeError for an index outside of x
 */
export const scatterAdd: KernelFunc = ({ inputs, backend }) => {
  const heap = heapOf(backend);
  if (heap === undefined) throw new Error('ScatterAdd on wasm needs tfjs 4.22');
  const x = inputs['x'] as TensorInfo;
  const out = heap.makeOutput(x.shape, 'float32');
  const [from, index, values, to] = [x, inputs['index'] as TensorInfo, inputs['values'] as TensorInfo, out].map((t) =>
    heap.typedArrayFromHeap(t),
  ) as [Float32Array, Int32Array, Float32Array, Float32Array];
  to.set(from);
  for (let i = 0; i < index.length; i++) {
    const at = index[i] as number;
    if (at < 0 || at >= to.length) {
      heap.disposeData(out.dataId);
      throw new RangeError(`scatterAdd: index ${at} is not in [0, ${to.length})`);
    }
    to[at] = (to[at] as number) + (values[i] as number);
  }
  return out;
};
