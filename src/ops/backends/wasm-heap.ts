/**
 * The part of tfjs's wasm backend that mended kernels reach into, as types with a check: tfjs 4.22 keeps it public but untyped.
 */
import type { TensorInfo, TypedArray } from '@tensorflow/tfjs-core';

/** A buffer of the wasm heap as the backend keeps it; `id` is its name on the C++ side. */
export interface HeapData {
  readonly id: number;
  readonly memoryOffset: number;
}

/** The backend's heap. */
export interface WasmHeap {
  readonly wasm: {
    readonly cwrap: (
      name: string,
      result: null,
      args: ReadonlyArray<'number' | 'array'>,
    ) => (...args: unknown[]) => void;
    readonly tfjs: {
      /** Names `size` elements at an offset. */
      readonly registerTensor: (id: number, size: number, memoryOffset: number) => void;
      /** Drops a name and the operators cached for it; frees no memory. */
      readonly disposeData: (id: number) => void;
    };
  };
  dataIdNextNumber: number;
  readonly dataIdMap: { readonly get: (dataId: object) => HeapData };
  readonly makeOutput: (shape: ReadonlyArray<number>, dtype: string) => TensorInfo;
  /** A view, valid until the heap grows: allocate outputs first. */
  readonly typedArrayFromHeap: (info: TensorInfo) => TypedArray;
  readonly incRef: (dataId: object) => void;
  readonly disposeData: (dataId: object) => boolean;
}

const isFunction = (x: unknown): boolean => typeof x === 'function';

/** The heap behind a backend, or undefined where tfjs's internals are not those of 4.22. */
export const heapOf = (backend: unknown): WasmHeap | undefined => {
  const b = backend as Partial<WasmHeap>;
  const known =
    isFunction(b.wasm?.cwrap) &&
    isFunction(b.wasm?.tfjs?.registerTensor) &&
    isFunction(b.wasm?.tfjs?.disposeData) &&
    typeof b.dataIdNextNumber === 'number' &&
    isFunction(b.dataIdMap?.get) &&
    [b.makeOutput, b.typedArrayFromHeap, b.incRef, b.disposeData].every(isFunction);
  return known ? (b as WasmHeap) : undefined;
};

/** Names a part of a buffer; the name must be dropped with `disposeData` of `wasm.tfjs`. */
export const alias = (heap: WasmHeap, data: HeapData, start: number, size: number): number => {
  const id = heap.dataIdNextNumber++;
  heap.wasm.tfjs.registerTensor(id, size, data.memoryOffset + start * Float32Array.BYTES_PER_ELEMENT);
  return id;
};
