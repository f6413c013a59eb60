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
import { alias, heapOf, type WasmHeap } from './wasm-heap.js';

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

/** Arguments of one operand: name, shape, rank. */
const MATRIX = ['number', 'array', 'number'] as const;

const int32Bytes = (shape: Shape): Uint8Array => new Uint8Array(Int32Array.from(shape).buffer);

/** The matrices of every batch of `x` transposed, by the Transpose kernel. */
const transposed = (x: TensorInfo, backend: object): TensorInfo => {
  const r = x.shape.length;
  const perm = [...x.shape.keys()].slice(0, r - 2).concat(r - 1, r - 2);
  return tf.getKernel('Transpose', 'wasm').kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as TensorInfo;
};

/** Shapes under which a buffer's own name was packed first: the only ones for which XNNPACK's cache is right. */
type Packed = WeakMap<object, string>;

/** A name for XNNPACK, and whether it is dropped after use. */
interface Name {
  readonly id: number;
  readonly temporary: boolean;
}

/** Sizes of a product: [m, k] times [k, n] for each batch; `inner` is b's own k. */
interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly inner: number;
}

const sizesOf = (a: TensorInfo, b: TensorInfo, tA: boolean, tB: boolean): Sizes => {
  const [p, q] = a.shape.slice(-2) as [number, number];
  const [r, s] = b.shape.slice(-2) as [number, number];
  return { m: tA ? q : p, k: tA ? p : q, n: tB ? r : s, inner: tB ? s : r };
};

/** Name of matrix `i` of `b`. */
const nameOfB = (heap: WasmHeap, packed: Packed, b: TensorInfo, { m, k, n }: Sizes, i: number): Name => {
  const data = heap.dataIdMap.get(b.dataId);
  // Decoding multiplies few rows by the same weights again and again: there the packing is worth its memory.
  if (m < FEW_ROWS && sizeOf(b.shape) === k * n) {
    const shape = packed.get(b.dataId) ?? `${k} ${n}`;
    packed.set(b.dataId, shape);
    if (shape === `${k} ${n}`) return { id: data.id, temporary: false };
  }
  return { id: alias(heap, data, i * k * n, k * n), temporary: true };
};

/** Multiplies batch by batch; with `flags`, by the scalar loop that reads transposed operands as they are. */
const multiply = (
  heap: WasmHeap,
  product: Product,
  a: TensorInfo,
  out: TensorInfo,
  sizes: Sizes,
  pairs: readonly [a: Int32Array, b: Int32Array],
  b: (i: number) => Name,
  flags: { readonly tA: boolean; readonly tB: boolean },
): void => {
  const { m, k, n } = sizes;
  const [dataA, dataOut] = [heap.dataIdMap.get(a.dataId), heap.dataIdMap.get(out.dataId)];
  const shapeA = int32Bytes(flags.tA ? [1, k, m] : [1, m, k]);
  const shapeB = int32Bytes(flags.tB ? [1, n, k] : [1, k, n]);
  pairs[0].forEach((matrixA, i) => {
    const idA = alias(heap, dataA, matrixA * m * k, m * k);
    const idOut = alias(heap, dataOut, i * m * n, m * n);
    const nameB = b(pairs[1][i] as number);
    product(idA, shapeA, 3, nameB.id, shapeB, 3, flags.tA, flags.tB, idOut);
    [idA, idOut, ...(nameB.temporary ? [nameB.id] : [])].forEach((id) => heap.wasm.tfjs.disposeData(id));
  });
};

const run = (
  heap: WasmHeap,
  product: Product,
  packed: Packed,
  a: TensorInfo,
  b: TensorInfo,
  tA: boolean,
  tB: boolean,
): TensorInfo => {
  const sizes = sizesOf(a, b, tA, tB);
  const { m, k, n } = sizes;
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes(batchA, batchB);
  const pairs = [broadcastIndex(batchA, batch), broadcastIndex(batchB, batch)] as const;
  if (m * k * n === 0) {
    const out = heap.makeOutput([...batch, m, n], 'float32');
    heap.typedArrayFromHeap(out).fill(0);
    return out;
  }
  if (m * k * n <= TINY || (tB && !tA && m < FEW_ROWS)) {
    const out = heap.makeOutput([...batch, m, n], 'float32');
    const data = heap.dataIdMap.get(b.dataId);
    const nameB = (i: number): Name => ({ id: alias(heap, data, i * k * n, k * n), temporary: true });
    multiply(heap, product, a, out, sizes, pairs, nameB, { tA, tB });
    return out;
  }
  const [x, y] = [tA ? transposed(a, heap) : a, tB ? transposed(b, heap) : b];
  const out = heap.makeOutput([...batch, m, n], 'float32');
  const nameB = (i: number): Name => nameOfB(heap, packed, y, sizes, i);
  multiply(heap, product, x, out, sizes, pairs, nameB, { tA: false, tB: false });
  if (tA) heap.disposeData(x.dataId);
  if (tB) heap.disposeData(y.dataId);
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
        ...MATRIX,
        ...MATRIX,
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
      const [tA, tB] = [args.attrs?.['transposeA'] === true, args.attrs?.['transposeB'] === true];
      const { k, inner } = sizesOf(a, b, tA, tB);
      // Reading on would leave the buffers; the stock kernel says what is wrong.
      return k === inner ? run(heap, product, packed, a, b, tA, tB) : stock.kernelFunc(args);
    },
  };
};
