/**
 * Matrix products on tfjs's wasm backend: fast with transposes and batches, and right for reshaped operands.
 *
 * The stock kernel of tfjs 4.22 calls XNNPACK only for one batch without transposes and is a scalar loop otherwise; it caches
 * XNNPACK's packed `b` by the id of b's buffer alone, so that a product with a reshape of the same buffer reads stale packing,
 * past its end; and its fused product adds the bias once for every 48 of k where it is the scalar loop.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { broadcastIndex, broadcastShapes } from '../broadcast.js';
import type { Change, Factor, Gemm } from '../kernels/gemm-reference.js';
import { sizeOf } from '../tensor.js';
import { tf } from '../tf.js';
import { gemmOf } from './wasm-gemm.js';
import { heapOf, placeOf, type WasmHeap } from './wasm-heap.js';

/** A factor of a batched product: `info` [...batch, rows, columns]. */
export interface Matrices {
  readonly info: TensorInfo;
  readonly transposed: boolean;
}

type Matrix = readonly [rows: number, columns: number];

const lyingShape = ({ info }: Matrices): Matrix => info.shape.slice(-2) as [number, number];

/** Rows and columns of op(X). */
const shapeOf = (x: Matrices): Matrix => {
  const [p, q] = lyingShape(x);
  return x.transposed ? [q, p] : [p, q];
};

/** Matrix `i` of a factor whose first lies at `start`. */
const factorAt = (x: Matrices, start: number, i: number): Factor => {
  const [rows, columns] = lyingShape(x);
  return { at: start + 4 * i * rows * columns, stride: columns, transposed: x.transposed };
};

/** What a batched product changes, of the product's shape: W + s F * (op(a) op(b)), with F = 1 where there is none. */
export interface Changes {
  readonly W: TensorInfo;
  readonly F?: TensorInfo;
  readonly s: number;
  /** Whether W's values are needed no more: the sum takes their place where no other tensor has them, and s and F are 1. */
  readonly spends?: boolean;
}

/** Whether a sum may take W's place. */
const isSpent = (heap: WasmHeap, { W, F, s, spends }: Changes): boolean =>
  spends === true && s === 1 && F === undefined && heap.refCount(W.dataId) === 1;

/** W's buffer under another tensor. */
const placeOfW = (heap: WasmHeap, { W }: Changes): TensorInfo => {
  heap.incRef(W.dataId);
  return { dataId: W.dataId, shape: W.shape, dtype: W.dtype };
};

/** The change by matrix `i` of a product with `size` elements. */
const changeAt = (heap: WasmHeap, { W, F, s }: Changes, i: number, size: number): Change => {
  const place = (x: TensorInfo): number => placeOf(heap, x) + 4 * i * size;
  return { W: place(W), s, ...(F === undefined ? {} : { F: place(F) }) };
};

/** op(a) op(b), or what it changes. */
export const multiply = (heap: WasmHeap, gemm: Gemm, a: Matrices, b: Matrices, changes?: Changes): TensorInfo => {
  const [[m, k], [, n]] = [shapeOf(a), shapeOf(b)];
  const [batchA, batchB] = [a.info.shape.slice(0, -2), b.info.shape.slice(0, -2)];
  const batch = broadcastShapes(batchA, batchB);
  const adds = changes !== undefined && isSpent(heap, changes);
  const out = adds ? placeOfW(heap, changes) : heap.makeOutput([...batch, m, n], 'float32');
  const [atA, atB, atC] = [placeOf(heap, a.info), placeOf(heap, b.info), placeOf(heap, out)];
  if (sizeOf(out.shape) === 0) return out;
  const changed = (i: number): Change | undefined =>
    adds || changes === undefined ? undefined : changeAt(heap, changes, i, m * n);
  if (sizeOf(batchB) === 1 && !a.transposed) {
    // one matrix for all batches: a single product with all rows
    const c = { at: atC, stride: n };
    gemm({ m: sizeOf(batchA) * m, n, k }, factorAt(a, atA, 0), factorAt(b, atB, 0), c, adds, changed(0));
    return out;
  }
  const [indexA, indexB] = [broadcastIndex(batchA, batch), broadcastIndex(batchB, batch)];
  for (let i = 0; i < indexA.length; i++) {
    const c = { at: atC + 4 * i * m * n, stride: n };
    const [A, B] = [factorAt(a, atA, indexA[i] as number), factorAt(b, atB, indexB[i] as number)];
    gemm({ m, n, k }, A, B, c, adds, changed(i));
  }
  return out;
};

type Args = Parameters<KernelConfig['kernelFunc']>[0];

/** The product that a kernel is called for, or undefined where it is left to the stock kernel. */
const product = (args: Args): TensorInfo | undefined => {
  const [heap, gemm] = [heapOf(args.backend), gemmOf(args.backend)];
  const { a, b } = args.inputs;
  if (heap === undefined || gemm === undefined || a?.dtype !== 'float32' || b?.dtype !== 'float32') return undefined;
  const left = { info: a, transposed: args.attrs?.['transposeA'] === true };
  const right = { info: b, transposed: args.attrs?.['transposeB'] === true };
  // Reading on would leave the buffers; the stock kernel says what is wrong.
  return shapeOf(left)[1] === shapeOf(right)[0] ? multiply(heap, gemm, left, right) : undefined;
};

/** BatchMatMul in place of `stock`, which is used where tfjs's internals are not as expected. */
export const wasmMatMul = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => product(args) ?? stock.kernelFunc(args),
});

const activations: Readonly<Record<string, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};

/** act(a b + bias) in place of `stock`: the product, then the kernels Add and that of the activation. */
export const wasmFusedMatMul = (stock: KernelConfig): KernelConfig => ({
  ...stock,
  kernelFunc: (args) => {
    const backend = args.backend as WasmHeap;
    const { bias, preluActivationWeights: alpha } = args.inputs;
    const { activation = 'linear', leakyreluAlpha } = args.attrs as {
      readonly activation?: string;
      readonly leakyreluAlpha?: number;
    };
    const y = product(args);
    if (y === undefined) return stock.kernelFunc(args);
    /** The kernel's result in place of x. */
    const then = (x: TensorInfo, kernelName: string, inputs: Record<string, TensorInfo>, attrs = {}): TensorInfo => {
      const z = tf.getKernel(kernelName, 'wasm').kernelFunc({ inputs, attrs, backend }) as TensorInfo;
      backend.disposeData(x.dataId);
      return z;
    };
    const z = bias == null ? y : then(y, 'Add', { a: y, b: bias });
    const name = activations[activation];
    if (name === undefined) return z;
    return then(z, name, alpha == null ? { x: z } : { x: z, alpha }, { alpha: leakyreluAlpha ?? 0 });
  },
});
