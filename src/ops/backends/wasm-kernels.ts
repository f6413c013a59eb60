/**
 * Kernels of tfjs's wasm backend that Weft mends or adds.
 */
import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';
import { wasmSoftmax } from './wasm-elements.js';
import { einsumOn } from './einsum.js';
import { heapOf, type WasmHeap } from './wasm-heap.js';
import { stridedSliceByGather } from './strided-slice.js';
import { wasmFusedMatMul, wasmMatMul } from './wasm-mat-mul.js';
import { concat, gather, pad, slice, split, tile } from './wasm-moves.js';
import { scatterAdd } from './wasm-scatter.js';
import { sumOverRows } from './wasm-sum.js';

/** The same buffer under a new tensor. Tensors are immutable, so nothing is copied. */
const share = (heap: WasmHeap, x: TensorInfo): TensorInfo => {
  heap.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
};

/** Stock Identity copies, and tfjs clones all that a gradient saves: every activation and every frozen weight. */
const identity = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const [heap, x] = [heapOf(args.backend), args.inputs['x'] as TensorInfo];
    return heap === undefined || x.dtype === 'string' ? stock.kernelFunc(args) : share(heap, x);
  },
});

/** Stock Cast copies when nothing changes, and truncates fractions to false when it makes truth values. */
const cast = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const [heap, x, dtype] = [heapOf(args.backend), args.inputs['x'] as TensorInfo, args.attrs?.['dtype']];
    if (heap === undefined) return stock.kernelFunc(args);
    if (x.dtype === dtype) return share(heap, x);
    if (dtype !== 'bool') return stock.kernelFunc(args);
    const out = heap.makeOutput(x.shape, 'bool');
    const [from, to] = [heap.typedArrayFromHeap(x), heap.typedArrayFromHeap(out)];
    from.forEach((v, i) => (to[i] = v === 0 ? 0 : 1));
    return out;
  },
});

/** `y[s, :] = sum of x[i, :] over ids[i] = s`; ids outside of [0, numSegments) take no part. Missing in tfjs. */
const unsortedSegmentSum: KernelFunc = ({ inputs, attrs, backend }) => {
  const heap = heapOf(backend);
  if (heap === undefined) throw new Error('UnsortedSegmentSum on wasm needs tfjs 4.22');
  const [x, segmentIds] = [inputs['x'] as TensorInfo, inputs['segmentIds'] as TensorInfo];
  const numSegments = attrs?.['numSegments'] as number;
  const inner = x.shape.slice(segmentIds.shape.length);
  const width = sizeOf(inner);
  const out = heap.makeOutput([numSegments, ...inner], x.dtype);
  const [values, ids, sums] = [
    heap.typedArrayFromHeap(x),
    heap.typedArrayFromHeap(segmentIds),
    heap.typedArrayFromHeap(out),
  ];
  sums.fill(0);
  ids.forEach((s, i) => {
    if (s < 0 || s >= numSegments) return;
    for (let j = 0; j < width; j++)
      sums[s * width + j] = (sums[s * width + j] as number) + (values[i * width + j] as number);
  });
  return out;
};

const replace = (kernelName: string, mend: (stock: KernelConfig) => KernelConfig): void => {
  const stock = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel(mend(stock));
};

/** Registers the mended kernels over tfjs's own, which must be loaded and not yet started; does so once. */
export const mendWasmKernels = (): void => {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm') !== undefined) return;
  tf.registerKernel({ kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: unsortedSegmentSum });
  tf.registerKernel({ kernelName: 'ScatterAdd', backendName: 'wasm', kernelFunc: scatterAdd });
  tf.registerKernel(einsumOn('wasm'));
  replace('BatchMatMul', wasmMatMul);
  replace('_FusedMatMul', wasmFusedMatMul);
  replace('Softmax', wasmSoftmax);
  replace('Identity', identity);
  replace('Cast', cast);
  replace('StridedSlice', stridedSliceByGather);
  replace('GatherV2', gather);
  replace('Slice', slice);
  replace('SplitV', split);
  replace('PadV2', pad);
  replace('Concat', concat);
  replace('Tile', tile);
  replace('Sum', sumOverRows);
};
