/**
 * Products of matrices that lie in arrays.
 */
import { kernelFor } from '../kernels/linalg.js';

/** A matrix in an array: entry (i, j) is `x[at + i row + j]`. */
export interface Block {
  readonly x: Float64Array;
  readonly at: number;
  readonly row: number;
}

/** A left factor: entry (i, j) is `x[at + i row + j step]`, so that it may be a transpose. */
export interface LeftBlock {
  readonly x: Float64Array | Float32Array;
  readonly at: number;
  readonly row: number;
  readonly step: number;
}

/**
 * `C += A B` in float64, A [m, k], B [k, n]; each entry's sum in the order of k, beginning with what C holds.
 *
 * The kernel runs it where all three are in its memory (see `withRoom`), with equal bits.
 */
export const addProduct = (m: number, k: number, n: number, a: LeftBlock, b: Block, c: Block): void => {
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
