/**
 * Attention on the wasm heap: scores of some queries at a time, their softmax in place, and the mixture, by the products of the backend.
 *
 * Keys that a mask hides from all of these queries take no part. Nothing is kept for the gradient, which makes the weights again.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Elements } from '../kernels/elements.js';
import type { Factor, Gemm, Place } from '../kernels/gemm-reference.js';
import { sizeOf } from '../tensor.js';
import { gemmOf } from './wasm-gemm.js';
import { placeOf, type WasmHeap } from './wasm-heap.js';

/** Queries whose weights are made together. */
const BLOCK = 64;

/** What the kernels work with. */
interface Tools {
  readonly e: Elements;
  readonly heap: WasmHeap;
  readonly backend: object;
}

type Inputs = Readonly<Record<string, TensorInfo>>;

type Four = readonly [number, number, number, number];

/** B sequences, H heads of queries and G of keys, S queries, T keys, d and e channels of keys and values. */
interface Sizes {
  readonly B: number;
  readonly H: number;
  readonly G: number;
  readonly S: number;
  readonly T: number;
  readonly d: number;
  readonly e: number;
}

const sizesOf = ({ q, k, v }: Inputs): Sizes => {
  const [B, H, S, d] = (q as TensorInfo).shape as unknown as Four;
  const [, G, T] = (k as TensorInfo).shape as unknown as Four;
  return { B, H, G, S, T, d, e: (v as TensorInfo).shape[3] as number };
};

/** Some queries of one head: where their rows begin, and the keys that they see. */
interface Block {
  readonly rows: number;
  readonly keys: number;
  /** Elements in front of their queries [B, H, S, d], of their result [B, S, H, e], and of the keys and values of their head. */
  readonly q: number;
  readonly y: number;
  readonly k: number;
  readonly v: number;
  /** Bytes in front of their rows of the mask. */
  readonly mask: number;
}

/** Bytes from one sequence, head and query of a mask to the next; 0 where it is the same for all. */
const stepsOf = ({ shape }: TensorInfo): readonly [number, number, number] => {
  const [B, H, S, T] = shape as unknown as Four;
  const of = (n: number, inner: number): number => (n === 1 ? 0 : 4 * inner);
  return [of(B, H * S * T), of(H, S * T), of(S, T)];
};

/** A mask of one element stands for none. */
const hasMask = (mask: TensorInfo): boolean => sizeOf(mask.shape) > 1;

/** Visits the blocks of every head; `at` is the place of the mask. */
const overBlocks = (e: Elements, s: Sizes, mask: TensorInfo, at: number, visit: (block: Block) => void): void => {
  const [stepB, stepH, stepS] = stepsOf(mask);
  /** Keys that the queries of a place in the mask see: heads and sequences often share them. */
  const seen = new Map<number, number>();
  const keysAt = (place: number, rows: number): number => {
    const known = seen.get(place) ?? (hasMask(mask) ? e.seenKeys(at + place, stepS, stepS === 0 ? 1 : rows, s.T) : s.T);
    seen.set(place, known);
    return known;
  };
  for (let b = 0; b < s.B; b++)
    for (let h = 0; h < s.H; h++) {
      const group = b * s.G + Math.floor((h * s.G) / s.H);
      for (let i = 0; i < s.S; i += BLOCK) {
        const place = b * stepB + h * stepH + i * stepS;
        const rows = Math.min(BLOCK, s.S - i);
        visit({
          rows,
          keys: keysAt(place, rows),
          q: ((b * s.H + h) * s.S + i) * s.d,
          y: ((b * s.S + i) * s.H + h) * s.e,
          k: group * s.T * s.d,
          v: group * s.T * s.e,
          mask: place,
        });
      }
    }
};

const matrix = (at: number, stride: number, transposed = false): Factor => ({ at, stride, transposed });

const place = (at: number, stride: number): Place => ({ at, stride });

const gemmOn = (backend: object): Gemm => {
  const gemm = gemmOf(backend);
  if (gemm === undefined) throw new Error('this backend was not started by useBackend');
  return gemm;
};

const info = (inputs: Inputs, name: string): TensorInfo => inputs[name] as TensorInfo;

/** Places of tensors, once all that is needed is allocated. */
const placesOf = (heap: WasmHeap, ...xs: ReadonlyArray<TensorInfo>): number[] => xs.map((x) => placeOf(heap, x));

/** y = softmax(scale Q K^T + M) V as [B, S, H e]. */
export const attention = (
  { e, heap, backend }: Tools,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo => {
  const s = sizesOf(inputs);
  const gemm = gemmOn(backend);
  const mask = info(inputs, 'mask');
  const scale = attrs['scale'] as number;
  const out = heap.makeOutput([s.B, s.S, s.H * s.e], 'float32');
  const room = heap.makeOutput([Math.min(BLOCK, s.S), s.T], 'float32');
  const parts = ['q', 'k', 'v', 'mask'].map((name) => info(inputs, name));
  const [q, k, v, M, y, p] = placesOf(heap, ...parts, out, room) as [number, number, number, number, number, number];
  overBlocks(e, s, mask, M, (b) => {
    const n = b.keys;
    gemm({ m: b.rows, n, k: s.d }, matrix(q + 4 * b.q, s.d), matrix(k + 4 * b.k, s.d, true), place(p, n), false);
    e.attend(p, b.rows, n, scale, hasMask(mask) ? M + b.mask : 0, stepsOf(mask)[2]);
    gemm({ m: b.rows, n: s.e, k: n }, matrix(p, n), matrix(v + 4 * b.v, s.e), place(y + 4 * b.y, s.H * s.e), false);
  });
  heap.disposeData(room.dataId);
  return out;
};

/** dq, dk and dv of dy: dV = P^T dY, dS = P (dY V^T - rows' means), dQ = scale dS K, dK = scale dS^T Q. */
export const attentionGrad = (
  { e, heap, backend }: Tools,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
): TensorInfo[] => {
  const s = sizesOf(inputs);
  const gemm = gemmOn(backend);
  const mask = info(inputs, 'mask');
  const scale = attrs['scale'] as number;
  const parts = ['q', 'k', 'v', 'mask', 'dy'].map((name) => info(inputs, name));
  const grads = parts.slice(0, 3).map(({ shape }) => heap.makeOutput(shape, 'float32'));
  const room = heap.makeOutput([2, Math.min(BLOCK, s.S), s.T], 'float32');
  const [q, k, v, M, dy, dq, dk, dv, p] = placesOf(heap, ...parts, ...grads, room) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ds = p + 4 * Math.min(BLOCK, s.S) * s.T;
  // queries add to the gradients of their keys and values, block by block
  grads.slice(1).forEach((t) => heap.typedArrayFromHeap(t).fill(0));
  overBlocks(e, s, mask, M, (b) => {
    const n = b.keys;
    const Q = matrix(q + 4 * b.q, s.d);
    const K = matrix(k + 4 * b.k, s.d);
    const dY = matrix(dy + 4 * b.y, s.H * s.e);
    gemm({ m: b.rows, n, k: s.d }, Q, { ...K, transposed: true }, place(p, n), false);
    e.attend(p, b.rows, n, scale, hasMask(mask) ? M + b.mask : 0, stepsOf(mask)[2]);
    gemm({ m: n, n: s.e, k: b.rows }, matrix(p, n, true), dY, place(dv + 4 * b.v, s.e), true);
    gemm({ m: b.rows, n, k: s.e }, dY, matrix(v + 4 * b.v, s.e, true), place(ds, n), false);
    e.attendGrad(p, ds, b.rows, n, scale);
    gemm({ m: b.rows, n: s.d, k: n }, matrix(ds, n), K, place(dq + 4 * b.q, s.d), false);
    gemm({ m: n, n: s.d, k: b.rows }, matrix(ds, n, true), Q, place(dk + 4 * b.k, s.d), true);
  });
  heap.disposeData(room.dataId);
  return grads;
};
