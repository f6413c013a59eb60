/**
 * Kernels of the wasm backend that compute elements and rows in one pass over its heap: softmax, which the stock kernel computes
 * in scalar code, and operations that tfjs has no kernel for.
 */
import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { openElements, type Elements } from '../kernels/elements.js';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';
import { attention, attentionGrad } from './wasm-attention.js';
import type { Task } from '../threads/calls.js';
import type { Team } from '../threads/team.js';
import { heapOf, memoryOf, placeOf, type WasmHeap } from './wasm-heap.js';
import { teamOf } from './wasm-team.js';

/** What a kernel works with. */
export interface OnHeap {
  /** Who does what takes long enough to be shared. */
  readonly team: Team;
  readonly heap: WasmHeap;
}

type Inputs = Readonly<Record<string, TensorInfo>>;

/** A kernel with the heap at hand. */
export type HeapKernel = (
  on: OnHeap,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
) => TensorInfo | TensorInfo[];

const rowsOf = ({ shape }: TensorInfo): readonly [rows: number, n: number] => {
  const n = shape.at(-1) as number;
  return [n === 0 ? 0 : sizeOf(shape) / n, n];
};

const input = (inputs: Inputs, name: string): TensorInfo => inputs[name] as TensorInfo;

/** Operations of an element of e^x or of a norm, in those of a product. */
const [EXP, NORM, MOVE] = [32, 16, 8] as const;

const softmax = ({ team, heap }: OnHeap, inputs: Inputs): TensorInfo => {
  const x = input(inputs, 'logits');
  const y = heap.makeOutput(x.shape, 'float32');
  const [rows, n] = rowsOf(x);
  const cut = { counted: 2, steps: [4 * n, 4 * n], work: EXP * n, grain: 1 };
  team.share('softmax', [placeOf(heap, x), placeOf(heap, y), rows, n, 0], cut);
  return y;
};

/** Functions of places and a number of elements. */
type Pointwise = Extract<Task, 'silu' | 'siluGrad' | 'siluGate' | 'siluGateGrad' | 'geluTanh' | 'geluTanhGrad'>;

/** A kernel of inputs of one shape, with outputs of that shape. */
const pointwise =
  (name: Pointwise, names: ReadonlyArray<string>, outputs = 1): HeapKernel =>
  ({ team, heap }, inputs) => {
    const xs = names.map((n) => input(inputs, n));
    const { shape } = xs[0] as TensorInfo;
    const ys = Array.from({ length: outputs }, () => heap.makeOutput(shape, 'float32'));
    const places = [...xs, ...ys].map((t) => placeOf(heap, t));
    const cut = { counted: places.length, steps: places.map(() => 4), work: EXP, grain: 16 };
    team.share(name, [...places, sizeOf(shape)], cut);
    return outputs === 1 ? (ys[0] as TensorInfo) : ys;
  };

/** Rows normalised, without a bias where the operation has none. */
const normalize =
  (centred: boolean): HeapKernel =>
  ({ team, heap }, { x, weight, bias }, { eps }) => {
    const y = heap.makeOutput((x as TensorInfo).shape, 'float32');
    const [from, w] = [x, weight].map((t) => placeOf(heap, t as TensorInfo)) as [number, number];
    const b = bias === undefined ? 0 : placeOf(heap, bias);
    const [rows, n] = rowsOf(x as TensorInfo);
    const cut = { counted: 4, steps: [4 * n, 0, 0, 4 * n], work: NORM * n, grain: 1 };
    team.share('normalize', [from, w, b, placeOf(heap, y), rows, n, eps as number, Number(centred)], cut);
    return y;
  };

const normalizeGrad =
  (centred: boolean): HeapKernel =>
  ({ team, heap }, { dy, x, weight }, { eps }) => {
    const dx = heap.makeOutput((x as TensorInfo).shape, 'float32');
    const [v, from, w] = [dy, x, weight].map((t) => placeOf(heap, t as TensorInfo)) as [number, number, number];
    const [rows, n] = rowsOf(x as TensorInfo);
    const cut = { counted: 4, steps: [4 * n, 4 * n, 0, 4 * n], work: NORM * n, grain: 1 };
    team.share('normalizeGrad', [v, from, w, placeOf(heap, dx), rows, n, eps as number, Number(centred)], cut);
    return dx;
  };

/** Heads turned by their positions; tables of one row serve every sequence. */
const rotate =
  (back: boolean): HeapKernel =>
  ({ team, heap }, inputs) => {
    const [x, cos, sin] = [input(inputs, 'x'), input(inputs, 'cos'), input(inputs, 'sin')];
    const [batch, first, second, d] = x.shape as [number, number, number, number];
    const [rows, , tokens, dim] = cos.shape as [number, number, number, number];
    const y = heap.makeOutput([batch, second, first, d], 'float32');
    const [from, to, c, s] = [x, y, cos, sin].map((t) => placeOf(heap, t)) as [number, number, number, number];
    const heads = back ? first : second;
    const step = rows === 1 ? 0 : 4 * tokens * dim;
    const size = heads * tokens * d;
    const cut = { counted: 5, steps: [4 * size, 4 * size, step, step], work: MOVE * size, grain: 1 };
    team.share('rotate', [from, to, c, s, step, batch, tokens, heads, d, dim, Number(back)], cut);
    return y;
  };

const crossEntropy: HeapKernel = ({ team, heap }, inputs) => {
  const [x, y] = [input(inputs, 'logits'), input(inputs, 'labels')];
  const [rows, n] = rowsOf(x);
  const [out, sums] = [heap.makeOutput([rows], 'float32'), heap.makeOutput([rows], 'float32')];
  const cut = { counted: 1, steps: [4 * n, 0, 0, 4, 4], work: EXP * n, grain: 1 };
  team.share('expSums', [placeOf(heap, x), rows, n, placeOf(heap, out), placeOf(heap, sums)], cut);
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

const crossEntropyGrad: HeapKernel = ({ team, heap }, inputs) => {
  const [dy, x, y] = [input(inputs, 'dy'), input(inputs, 'logits'), input(inputs, 'labels')];
  const dx = heap.makeOutput(x.shape, 'float32');
  const [rows, n] = rowsOf(x);
  const cut = { counted: 2, steps: [4 * n, 4 * n, 0, 0, 4], work: EXP * n, grain: 1 };
  team.share('softmax', [placeOf(heap, x), placeOf(heap, dx), rows, n, placeOf(heap, dy)], cut);
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

const installed = new WeakMap<object, { readonly elements: Elements; readonly fuses: boolean }>();

/** The functions on a backend's heap; undefined where it has none of ours. */
export const elementsOf = (backend: object): Elements | undefined => installed.get(backend)?.elements;

const kernelOf =
  (run: HeapKernel): KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const [heap, team] = [heapOf(backend), teamOf(backend as object)];
    if (heap === undefined || team === undefined) throw new Error('this backend was not started by useBackend');
    return run({ team, heap }, inputs as Inputs, attrs ?? {});
  };

/** Softmax in place of `stock`, which is used where tfjs's internals are not as expected. */
export const wasmSoftmax = (stock: KernelConfig): KernelConfig => {
  const ours = kernelOf(softmax);
  return {
    ...stock,
    kernelFunc: (args) =>
      teamOf(args.backend) !== undefined && args.inputs['logits']?.dtype === 'float32'
        ? ours(args)
        : stock.kernelFunc(args),
  };
};

const fused: Readonly<Record<string, HeapKernel>> = {
  Silu: pointwise('silu', ['x']),
  SiluGrad: pointwise('siluGrad', ['dy', 'x']),
  SiluGate: pointwise('siluGate', ['gate', 'up']),
  SiluGateGrad: pointwise('siluGateGrad', ['dy', 'gate', 'up'], 2),
  GeluTanh: pointwise('geluTanh', ['x']),
  GeluTanhGrad: pointwise('geluTanhGrad', ['dy', 'x']),
  LayerNorm: normalize(true),
  LayerNormGrad: normalizeGrad(true),
  RmsNorm: normalize(false),
  RmsNormGrad: normalizeGrad(false),
  RotateHeads: rotate(false),
  RotateHeadsBack: rotate(true),
  Attention: attention,
  AttentionGrad: attentionGrad,
  CrossEntropy: crossEntropy,
  CrossEntropyGrad: crossEntropyGrad,
};

/**
 * Opens the functions on a backend's heap and registers the kernels that tfjs lacks; undefined where it has none of ours.
 *
 * @param fuses whether multiply-adds may be fused
 */
export const installElements = async (backend: object, fuses: boolean): Promise<Elements | undefined> => {
  const memory = memoryOf(backend)?.memory;
  if (memory === undefined || heapOf(backend) === undefined) return undefined;
  const before = installed.get(backend);
  const elements = before?.fuses === fuses ? before.elements : await openElements(memory, fuses);
  if (elements === undefined) return undefined;
  installed.set(backend, { elements, fuses });
  Object.entries(fused).forEach(([kernelName, run]) => {
    if (tf.getKernel(kernelName, 'wasm') === undefined)
      tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelOf(run) });
  });
  return elements;
};
