/**
 * Functions of elements and rows on a memory that belongs to another module.
 */
import { E } from '../../fp.js';
import { relaxedWasm, wasm } from './elements-wasm.js';
import { instantiate } from './instantiate.js';
import { relaxed } from './relaxed.js';

/** The functions of kernels/elements.ts; places and steps are in bytes, and a place of 0 is none. */
export interface Elements {
  /** Copies `count` rows of `bytes` bytes. */
  readonly copyRows: (from: number, fromStep: number, to: number, toStep: number, bytes: number, count: number) => void;
  /** y [columns, rows] = x^T for x [rows, columns]. */
  readonly transpose: (x: number, y: number, rows: number, columns: number) => void;
  /** For each row of x [rows, n] its largest element m, and the sum of e^(x - m). */
  readonly expSums: (x: number, rows: number, n: number, maxima: number, sums: number) => void;
  /** y = f softmax(x) for each row of x [rows, n], with f [rows], or 1 without `factors`. */
  readonly softmax: (x: number, y: number, rows: number, n: number, factors: number) => void;
  /** How many keys come up to the last that a row of the mask does not hide, in multiples of 16; all where a row hides every key. */
  readonly seenKeys: (mask: number, step: number, rows: number, n: number) => number;
  /** s = softmax(scale s + mask) for each row of s [rows, n], in place. */
  readonly attend: (s: number, rows: number, n: number, scale: number, mask: number, step: number) => void;
  /** dp = scale p (dp - sum of p dp) for each row of p and dp [rows, n], in place. */
  readonly attendGrad: (p: number, dp: number, rows: number, n: number, scale: number) => void;
  /** y = (x - m) r w + b for each row of x [rows, n]: m its mean where centred, else 0; r = 1 / sqrt(mean of (x - m)^2 + eps). */
  readonly normalize: (
    x: number,
    w: number,
    b: number,
    y: number,
    rows: number,
    n: number,
    eps: number,
    centred: boolean,
  ) => void;
  /** dx of dy through `normalize`. */
  readonly normalizeGrad: (
    dy: number,
    x: number,
    w: number,
    dx: number,
    rows: number,
    n: number,
    eps: number,
    centred: boolean,
  ) => void;
  /** Heads [batch, tokens, heads, d] turned by the angles of their tokens, as [batch, heads, tokens, d], or back. */
  readonly rotate: (
    x: number,
    y: number,
    cos: number,
    sin: number,
    step: number,
    batch: number,
    tokens: number,
    heads: number,
    d: number,
    dim: number,
    back: boolean,
  ) => void;
  /** y = x sigmoid(x). */
  readonly silu: (x: number, y: number, n: number) => void;
  /** dx = dy s (1 + x (1 - s)), s = sigmoid(x). */
  readonly siluGrad: (dy: number, x: number, dx: number, n: number) => void;
  /** y = silu(gate) up. */
  readonly siluGate: (gate: number, up: number, y: number, n: number) => void;
  /** dgate = dy up silu'(gate), dup = dy silu(gate). */
  readonly siluGateGrad: (dy: number, gate: number, up: number, dgate: number, dup: number, n: number) => void;
  /** y = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
  readonly geluTanh: (x: number, y: number, n: number) => void;
  /** dx of dy through `geluTanh`. */
  readonly geluTanhGrad: (dy: number, x: number, dx: number, n: number) => void;
}

/**
 * The functions on a memory; undefined where WebAssembly SIMD is missing.
 *
 * @param fused with fused multiply-adds, where the engine has them: faster, with last bits that depend on the machine
 */
export const openElements = async (memory: WebAssembly.Memory, fused = false): Promise<Elements | undefined> => {
  const found = fused ? await relaxed(relaxedWasm, 'elements') : E.right(wasm);
  const build = E.isRight(found) ? found.right : wasm;
  return (await instantiate(build, memory)) as unknown as Elements | undefined;
};
