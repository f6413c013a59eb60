/**
 * The part of tfjs's wasm backend that mended kernels reach into, as types with a check: tfjs 4.22 keeps it public but untyped.
 */
import type { TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import type { GemmHeap } from '../kernels/gemm.js';

/** A buffer of the wasm heap as the backend keeps it. */
export interface HeapData {
  readonly memoryOffset: number;
}

/** The backend's heap. */
export interface WasmHeap {
  readonly dataIdMap: { readonly get: (dataId: object) => HeapData };
  readonly makeOutput: (shape: ReadonlyArray<number>, dtype: string) => TensorInfo;
  /** A view, valid until the heap grows: allocate outputs first. */
  readonly typedArrayFromHeap: (info: TensorInfo) => TypedArray;
  readonly incRef: (dataId: object) => void;
  /** How many tensors have a buffer's values. */
  readonly refCount: (dataId: object) => number;
  readonly disposeData: (dataId: object) => boolean;
}

const isFunction = (x: unknown): boolean => typeof x === 'function';

/** The heap behind a backend, or undefined where tfjs's internals are not those of 4.22. */
export const heapOf = (backend: unknown): WasmHeap | undefined => {
  const b = backend as Partial<WasmHeap>;
  const known =
    isFunction(b.dataIdMap?.get) &&
    [b.makeOutput, b.typedArrayFromHeap, b.incRef, b.refCount, b.disposeData].every(isFunction);
  return known ? (b as WasmHeap) : undefined;
};

/** The memory behind a backend and its allocator, or undefined where tfjs's internals are not those of 4.22. */
export const memoryOf = (backend: unknown): GemmHeap | undefined => {
  const { wasm } = backend as {
    readonly wasm?: {
      readonly asm?: { readonly memory?: unknown };
      readonly _malloc?: (bytes: number) => number;
    };
  };
  const memory = wasm?.asm?.memory;
  if (!(memory instanceof WebAssembly.Memory) || typeof wasm?._malloc !== 'function') return undefined;
  const { _malloc } = wasm;
  // addresses above 2 GiB come as negative numbers
  return { memory, allocate: (bytes) => _malloc(bytes) >>> 0 };
};

/** Where a tensor's first element lies. */
export const placeOf = (heap: WasmHeap, x: TensorInfo): number => heap.dataIdMap.get(x.dataId).memoryOffset;
