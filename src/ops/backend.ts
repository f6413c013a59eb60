/**
 * The border to tfjs: choosing a backend, bringing values in, reading them, freeing them.
 */
import { startCpu } from './backends/cpu.js';
import { putElsewhere, tensorElsewhere, type Values } from './backends/elsewhere.js';
import { startWasm } from './backends/wasm.js';
import type { GemmKind } from './backends/wasm-gemm.js';
import { startWebgpu } from './backends/webgpu.js';
import { E } from '../fp.js';
import type { OpenBlasOptions } from './native/openblas.js';
import type { Result } from '../problem.js';
import type { Shape, Tensor, Weights } from './tensor.js';
import { tf } from './tf.js';

export type { GemmKind } from './backends/wasm-gemm.js';
export { gpuErrors } from './backends/webgpu.js';
export type { OpenBlasOptions } from './native/openblas.js';

/** Where tensors live and compute: wasm (the default), webgpu, or cpu, the slow reference. */
export type Backend = 'wasm' | 'cpu' | 'webgpu';

/** Options of `useBackend`. */
export interface BackendOptions {
  /** wasm: folder or URL prefix of the .wasm files; needed in browsers, where they are served by the page. */
  readonly wasmPath?: string;
  /**
   * wasm: what multiplies matrices. `plain`, the default: the same bits on every machine. `fma`: fused multiply-adds, about a
   * third faster, last bits depend on the machine; under Node 20 it sets a flag of V8. `native`: the system's OpenBLAS, in Node,
   * with the package koffi, and `fma` for all else; its LAPACK decomposes matrices too.
   */
  readonly gemm?: GemmKind;
  /** wasm with `gemm: 'native'`: which library, and its threads for one product; 1 where `threads` are given. */
  readonly native?: OpenBlasOptions;
  /**
   * wasm, in Node: threads that share the work of products, attention, norms and the like; 1 by default, the thread that calls.
   * The results are the same bits for any number, but for OpenBLAS's products. It is given when wasm first starts in a process, whose memory is made then.
   */
  readonly threads?: number;
  /** webgpu: never compute small tensors on the CPU instead, as tfjs does below 1000 elements. */
  readonly gpuOnly?: boolean;
}

/** Starts a backend, or says why it cannot. */
const start = (name: Backend, options: BackendOptions): Promise<Result<Backend>> => {
  switch (name) {
    case 'wasm':
      return startWasm(options);
    case 'cpu':
      return startCpu();
    case 'webgpu':
      return startWebgpu(options.gpuOnly ?? false);
  }
};

/**
 * Loads a backend if needed and makes it the current one; tensors made from then on live there. Where it cannot start,
 * the one before stays.
 *
 * @returns the backend's name, or why it cannot start (no adapter, no .wasm files)
 */
export const useBackend = async (name: Backend = 'wasm', options: BackendOptions = {}): Promise<Result<Backend>> => {
  const before = currentBackend();
  const started = await start(name, options);
  if (E.isLeft(started) && before !== undefined) await tf.setBackend(before);
  return started;
};

/** The current backend, or undefined before the first `useBackend`. */
export const currentBackend = (): Backend | undefined => {
  const name: string | null = tf.getBackend();
  return name === 'wasm' || name === 'cpu' || name === 'webgpu' ? name : undefined;
};

/** Number of tensors alive, on all backends. */
export const numTensors = (): number => tf.memory().numTensors;

/**
 * Runs `f` and frees every tensor it made, except those in its result: a tensor, or nested records and arrays of them.
 *
 * @throws for a promise or a typed array, whose every element would be looked at
 */
export const scope = <A>(f: () => A): A => {
  const result = tf.tidy(() => {
    const value = f();
    if (ArrayBuffer.isView(value) || value instanceof Promise) {
      throw new TypeError('scope frees tensors around a synchronous function of tensors; read them outside');
    }
    return value as tf.TensorContainer;
  });
  return result as A;
};

/** Frees a record's tensors, except those that `keep` holds too. */
export const dispose = (weights: Weights, options: { readonly keep?: Weights } = {}): void => {
  const kept = new Set(Object.values(options.keep ?? {}).map((t) => t.id));
  Object.values(weights)
    .filter((t) => !kept.has(t.id))
    .forEach((t) => t.dispose());
};

/** The values of a tensor in row-major order, as a copy; truth values are 0 and 1. */
export const read = async (t: Tensor): Promise<Float32Array> => {
  const values = await t.data();
  // cpu and webgpu hand out the array they keep.
  return values instanceof Float32Array && currentBackend() === 'wasm' ? values : Float32Array.from(values);
};

/** Puts the values of a tensor at a place of its size; those of `tensorFrom` without an array in between. */
export const readInto = async (t: Tensor, place: Float32Array): Promise<void> => {
  if (!putElsewhere(t, place)) place.set(await t.data());
};

/** A tensor of `shape` from row-major values: float32, or int32 for an `Int32Array`. The values are copied. */
export const tensorOf = (values: Float32Array | Int32Array, shape: Shape): Tensor =>
  // cpu and webgpu keep the array they are given.
  tf.tensor(
    currentBackend() === 'wasm' ? values : values.slice(),
    [...shape],
    values instanceof Int32Array ? 'int32' : 'float32',
  );

/**
 * A float32 tensor of `shape` whose values are asked for when they are needed: at each `read`, and once when something is computed
 * with it, from when on the current backend holds them.
 *
 * @param values gives as many numbers as the shape has, in row-major order, the same each time: in a new array, or in the place that it is given
 */
export const tensorFrom = (values: Values, shape: Shape): Tensor => tensorElsewhere(values, shape);
