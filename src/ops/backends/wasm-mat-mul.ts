/**
 * Matrix products on tfjs's wasm backend: fast with transposes and batches, and right for reshaped operands.
 *
 * The stock kernel calls XNNPACK only for one batch without transposes and is a scalar loop otherwise, and it caches
 * XNNPACK's packed `b` by the id of b's buffer alone: a product with a reshape of the same buffer then reads stale
 * packing, past its end. Here transposes are made by the Transpose kernel and each batch is one XNNPACK call under a
 * fresh name.
 */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { broadcastIndex, broadcastShapes } from '../broadcast.js';
import { sizeOf, type Shape } from '../tensor.js';
import { tf } from '../tf.js';
import { alias, heapOf, type HeapData, type WasmHeap } from './wasm-heap.js';

type Product = (
  a: number,
  aShape: Uint8Array,
  aRank: number,
  b: number,
  bShape: Uint8Array,
  bRank: number,
  transposeA: boolean,
  transposeB: boolean,
  out: number,
) => void;

/** Up to this many multiplications a matrix, setting up XNNPACK costs more than the scalar loop. */
const TINY = 2048;

/** Below this many rows, packing a transposed `b` costs more than the scalar loop; also, such products keep b's packing. */
const FEW_ROWS = 8;

const int32Bytes = (shape: Shape): Uint8Array => new Uint8Array(Int32Array.from(shape).buffer);

/** The matrices of every batch of `x` transposed, by the Transpose kernel. */
const transposed = (x: TensorInfo, backend: object): TensorInfo => {
  const r = x.shape.length;
  const perm = [...x.shape.keys()].slice(0, r - 2).concat(r - 1, r - 2);
  return tf.getKernel('Transpose', 'wasm').kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as TensorInfo;
};

/** Shapes under which a buffer's own name was packed first: the only ones for which XNNPACK's cache is right. */
type Packed = WeakMap<object, string>;

/** Name of matrix `i` of `b` for XNNPACK, and whether it must be dropped after use. */
const nameOfB = (heap: WasmHeap, packed: Packed, b: TensorInfo, k: number, n: number, m: number, i: number) => {
  const data = heap.dataIdMap.get(b.dataId);
  // Decoding multiplies few rows by the same weights again and again: there the packing is worth its memory.
  if (m < FEW_ROWS && sizeOf(b.shape) === k * n) {
    const shape = packed.get(b.dataId) ?? `${k} ${n}`;
    packed.set(b.dataId, shape);
    if (shape === `${k} ${n}`) return { id: data.id, owned: false };
  }
  return { id: alias(heap, data, i * k * n, k * n), owned: true };
};

const run = (heap: WasmHeap, product: Product, packed: Packed, a: TensorInfo, b: TensorInfo, tA: boolean, tB: boolean): TensorInfo => {
  const [p, q] = a.shape.slice(-2) as [number, number];
  const [r, s] = b.shape.slice(-2) as [number, number];
  const [m, k, n] = [tA ? q : p, tA ? p : q, tB ? r : s];
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes(batchA, batchB);
  const outShape = [...batch, m, n];
  const scalar = m * k * n <= TINY || (tB && !tA && m < FEW_ROWS);
  const [x, y] = scalar ? [a, b] : [tA ? transposed(a, heap) : a, tB ? transposed(b, heap) : b];
  const out = heap.makeOutput(outShape, 'float32');
  const [dataX, dataY, dataOut] = [x, y, out].map((t) => heap.dataIdMap.get(t.dataId)) as [HeapData, HeapData, HeapData];
  const { disposeData } = heap.wasm.tfjs;
  const shapeX = int32Bytes(scalar && tA ? [1, k, m] : [1, m, k]);
  const shapeY = int32Bytes(scalar && tB ? [1, n, k] : [1, k, n]);
  const [indexA, indexB] = [broadcastIndex(batchA, batch), broadcastIndex(batchB, batch)];
  for (let i = 0; i < sizeOf(batch) && m * k * n > 0; i++) {
    const idA = alias(heap, dataX, (indexA[i] as number) * m * k, m * k);
    const nameB = scalar
      ? { id: alias(heap, dataY, (indexB[i] as number) * k * n, k * n), owned: true }
      : nameOfB(heap, packed, y, k, n, m, indexB[i] as number);
    const idOut = alias(heap, dataOut, i * m * n, m * n);
    product(idA, shapeX, 3, nameB.id, shapeY, 3, scalar && tA, scalar && tB, idOut);
    [idA, idOut, ...(nameB.owned ? [nameB.id] : [])].forEach(disposeData);
  }
  if (k === 0) heap.typedArrayFromHeap(out).fill(0);
  if (x !== a) heap.disposeData(x.dataId);
  if (y !== b) heap.disposeData(y.dataId);
  return out;
};

/** The kernel in place of `stock`, which is used where tfjs's internals are not as expected. */
export const wasmMatMul = (stock: KernelConfig): KernelConfig => {
  const packed: Packed = new WeakMap();
  const products = new WeakMap<object, Product>();
  return {
    ...stock,
    setupFunc: (backend) => {
      stock.setupFunc?.(backend);
      const product = heapOf(backend)?.wasm.cwrap('BatchMatMul', null, [
        'number',
        'array',
        'number',
        'number',
        'array',
        'number',
        'number',
        'number',
        'number',
      ]);
      if (product !== undefined) products.set(backend, product);
    },
    kernelFunc: (args) => {
      const heap = heapOf(args.backend);
      const product = products.get(args.backend);
      const { a, b } = args.inputs;
      if (heap === undefined || product === undefined || a?.dtype !== 'float32' || b?.dtype !== 'float32') {
        return stock.kernelFunc(args);
      }
      return run(heap, product, packed, a, b, args.attrs?.['transposeA'] === true, args.attrs?.['transposeB'] === true);
    },
  };
};
