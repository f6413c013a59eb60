/**
 * Kernels of the wasm backend that compute elements and rows in one pass over its heap: softmax, which the stock kernel computes
 * in scalar code, and operations that tfjs has no kernel for.
 */
import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { openElements, type Elements } from '../kernels/elements.js';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';
import { heapOf, memoryOf, placeOf, type WasmHeap } from './wasm-heap.js';

/** A kernel with the heap at hand. */
type OnHeap = (e: Elements, heap: WasmHeap, inputs: Readonly<Record<string, TensorInfo>>) => TensorInfo;

const rowsOf = ({ shape }: TensorInfo): readonly [rows: number, n: number] => {
  const n = shape.at(-1) as number;
  return [n === 0 ? 0 : sizeOf(shape) / n, n];
};

const input = (inputs: Readonly<Record<string, TensorInfo>>, name: string): TensorInfo => inputs[name] as TensorInfo;

const softmax: OnHeap = (e, heap, inputs) => {
  const x = input(inputs, 'logits');
  const y = heap.makeOutput(x.shape, 'float32');
  e.softmax(placeOf(heap, x), placeOf(heap, y), ...rowsOf(x), 0);
  return y;
};

const silu: OnHeap = (e, heap, inputs) => {
  const x = input(inputs, 'x');
  const y = heap.makeOutput(x.shape, 'float32');
  e.silu(placeOf(heap, x), placeOf(heap, y), sizeOf(x.shape));
  return y;
};

const siluGrad: OnHeap = (e, heap, inputs) => {
  const [dy, x] = [input(inputs, 'dy'), input(inputs, 'x')];
  const dx = heap.makeOutput(x.shape, 'float32');
  e.siluGrad(placeOf(heap, dy), placeOf(heap, x), placeOf(heap, dx), sizeOf(x.shape));
  return dx;
};

const crossEntropy: OnHeap = (e, heap, inputs) => {
  const [x, y] = [input(inputs, 'logits'), input(inputs, 'labels')];
  const [rows, n] = rowsOf(x);
  const [out, sums] = [heap.makeOutput([rows], 'float32'), heap.makeOutput([rows], 'float32')];
  e.expSums(placeOf(heap, x), rows, n, placeOf(heap, out), placeOf(heap, sums));
  const [z, labels, values, totals] = [x, y, out, sums].map((t) => heap.typedArrayFromHeap(t)) as [
    Float32Array,
    Int32Array,
    Float32Array,
    Float32Array,
  ];
  labels.forEach((label, i) => {
    const [most, total] = [values[i] as number, totals[i] as number];
    values[i] = label >= 0 && label < n ? most + Math.log(total) - (z[i * n + label] as number) : 0;
  });
  heap.disposeData(sums.dataId);
  return out;
};

const crossEntropyGrad: OnHeap = (e, heap, inputs) => {
  const [dy, x, y] = [input(inputs, 'dy'), input(inputs, 'logits'), input(inputs, 'labels')];
  const dx = heap.makeOutput(x.shape, 'float32');
  const [rows, n] = rowsOf(x);
  e.softmax(placeOf(heap, x), placeOf(heap, dx), rows, n, placeOf(heap, dy));
  const [labels, scale, values] = [y, dy, dx].map((t) => heap.typedArrayFromHeap(t)) as [
    Int32Array,
    Float32Array,
    Float32Array,
  ];
  labels.forEach((label, i) => {
    if (label < 0 || label >= n) values.fill(0, i * n, (i + 1) * n);
    else values[i * n + label] = (values[i * n + label] as number) - (scale[i] as number);
  });
  return dx;
};

const installed = new WeakMap<object, Elements>();

/** The functions on a backend's heap; undefined where it has none of ours. */
export const elementsOf = (backend: object): Elements | undefined => installed.get(backend);

const kernelOf =
  (run: OnHeap): KernelFunc =>
  ({ inputs, backend }) => {
    const [heap, elements] = [heapOf(backend), elementsOf(backend)];
    if (heap === undefined || elements === undefined) throw new Error('this backend was not started by useBackend');
    return run(elements, heap, inputs as Readonly<Record<string, TensorInfo>>);
  };

/** Softmax in place of `stock`, which is used where tfjs's internals are not as expected. */
export const wasmSoftmax = (stock: KernelConfig): KernelConfig => {
  const ours = kernelOf(softmax);
  return {
    ...stock,
    kernelFunc: (args) =>
      elementsOf(args.backend) !== undefined && args.inputs['logits']?.dtype === 'float32'
        ? ours(args)
        : stock.kernelFunc(args),
  };
};

const fused: Readonly<Record<string, OnHeap>> = {
  Silu: silu,
  SiluGrad: siluGrad,
  CrossEntropy: crossEntropy,
  CrossEntropyGrad: crossEntropyGrad,
};

/** Opens the functions on a backend's heap and registers the kernels that tfjs lacks. */
export const installElements = async (backend: object): Promise<void> => {
  const memory = memoryOf(backend)?.memory;
  if (memory === undefined || heapOf(backend) === undefined || installed.has(backend)) return;
  const elements = await openElements(memory);
  if (elements === undefined) return;
  installed.set(backend, elements);
  Object.entries(fused).forEach(([kernelName, run]) => {
    if (tf.getKernel(kernelName, 'wasm') === undefined)
      tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelOf(run) });
  });
};
