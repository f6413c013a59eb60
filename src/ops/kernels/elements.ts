/**
 * Functions of elements and rows on a memory that belongs to another module.
 */
import { wasm } from './elements-wasm.js';
import { instantiate } from './instantiate.js';

/** The functions of kernels/elements.ts; places and steps are in bytes. */
export interface Elements {
  /** Copies `count` rows of `bytes` bytes. */
  readonly copyRows: (from: number, fromStep: number, to: number, toStep: number, bytes: number, count: number) => void;
  /** For each row of x [rows, n] its largest element m, and the sum of e^(x - m). */
  readonly expSums: (x: number, rows: number, n: number, maxima: number, sums: number) => void;
  /** y = f softmax(x) for each row of x [rows, n], with f [rows], or 1 where `factors` is 0. */
  readonly softmax: (x: number, y: number, rows: number, n: number, factors: number) => void;
  /** y = x sigmoid(x). */
  readonly silu: (x: number, y: number, n: number) => void;
  /** dx = dy s (1 + x (1 - s)), s = sigmoid(x). */
  readonly siluGrad: (dy: number, x: number, dx: number, n: number) => void;
}

/** The functions on a memory; undefined where WebAssembly SIMD is missing. */
export const openElements = async (memory: WebAssembly.Memory): Promise<Elements | undefined> =>
  (await instantiate(wasm, memory)) as unknown as Elements | undefined;
