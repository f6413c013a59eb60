/**
 * Products of matrices that lie in arrays.
 */
import { kernelFor } from '../kernels/linalg.js';
import { nativeFor } from './native.js';
import type { Block, LeftBlock } from './values.js';

export type { Block, LeftBlock } from './values.js';

/**
 * `C += A B` in float64, A [m, k], B [k, n]; each entry's sum in the order of k, beginning with what C holds.
 *
 * The kernel runs it where all three are in its memory (see `withRoom`), with equal bits; a native library runs it if one was asked for.
 */
export const addProduct = (m: number, k: number, n: number, a: LeftBlock, b: Block, c: Block): void => {
  if (nativeFor(m * k * n)?.addProduct(m, k, n, a, b, c) === true) return;
  const kernel = kernelFor(a.x, b.x, c.x);
  if (kernel !== undefined) {
    const size = a.x.BYTES_PER_ELEMENT;
    const from = a.x.byteOffset + size * a.at;
    const [right, to] = [b.x.byteOffset + 8 * b.at, c.x.byteOffset + 8 * c.at];
    kernel.product(size === 4, m, k, n, from, size * a.row, size * a.step, right, 8 * b.row, to, 8 * c.row);
    return;
  }
  for (let i = 0; i < m; i++) {
    const row = c.at + i * c.row;
    for (let l = 0; l < k; l++) {
      const x = a.x[a.at + i * a.row + l * a.step] as number;
      const from = b.at + l * b.row;
      for (let j = 0; j < n; j++) c.x[row + j] = (c.x[row + j] as number) + x * (b.x[from + j] as number);
    }
  }
};

/** Rows that are computed together: a part of the upper triangle comes along. */
const STRIP = 64;

/** `C += A B` [m, m] where that is symmetric: the lower triangle, and some entries above it, which mean nothing. */
export const addLowerProduct = (m: number, k: number, a: LeftBlock, b: Block, c: Block): void => {
  for (let i = 0; i < m; i += STRIP) {
    const rows = Math.min(STRIP, m - i);
    addProduct(rows, k, i + rows, { ...a, at: a.at + i * a.row }, b, { ...c, at: c.at + i * c.row });
  }
};
