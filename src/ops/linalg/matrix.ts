/**
 * Matrices on the host: plain values in float64, for decompositions that tensors in float32 cannot carry.
 */
import { read, tensorOf } from '../backend.js';
import { numbers, singles, withRoom } from '../kernels/linalg.js';
import { showShape, type Tensor } from '../tensor.js';
import { addProduct } from './product.js';
import { transposeValues } from './transpose.js';
import type { Matrix } from './values.js';

export { transposeInto, transposeValues } from './transpose.js';
export type { Matrix } from './values.js';

/** A matrix from row-major values; throws when their number is not rows times cols. */
export const matrix = (rows: number, cols: number, data: Float64Array | Float32Array): Matrix => {
  if (data.length !== rows * cols) {
    throw new RangeError(`a matrix ${showShape([rows, cols])} has ${rows * cols} entries, found ${data.length}`);
  }
  return { rows, cols, data };
};

/** The transpose. */
export const transposed = ({ rows, cols, data }: Matrix): Matrix => ({
  rows: cols,
  cols: rows,
  data: transposeValues(data, rows, cols),
});

/** The identity [n, n]. */
export const identity = (n: number): Matrix => {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return { rows: n, cols: n, data };
};

/**
 * The product in float64: `C = A B`.
 *
 * @param a [m, k]
 * @param b [k, n]
 * @throws when the inner sizes differ
 */
export const multiply = (a: Matrix, b: Matrix): Matrix => {
  if (a.cols !== b.rows) throw new RangeError(`product of matrices with inner sizes ${a.cols} and ${b.rows}`);
  const [m, k, n] = [a.rows, a.cols, b.cols];
  const single = a.data instanceof Float32Array;
  return withRoom(m * k + k * n + m * n, () => {
    const left = single ? singles(m * k) : numbers(m * k);
    const [right, out] = [numbers(k * n), numbers(m * n)];
    left.set(a.data);
    right.set(b.data);
    addProduct(m, k, n, { x: left, at: 0, row: k, step: 1 }, { x: right, at: 0, row: n }, { x: out, at: 0, row: n });
    return { rows: m, cols: n, data: out.slice() };
  });
};

/** Reads a tensor [m, n] into a matrix. */
export const matrixOf = async (x: Tensor): Promise<Matrix> => {
  const [rows, cols] = x.shape;
  if (x.rank !== 2) throw new RangeError(`a matrix has two axes, found ${showShape(x.shape)}`);
  return { rows: rows as number, cols: cols as number, data: await read(x) };
};

/** A float32 tensor [m, n] from a matrix, each entry rounded once. */
export const tensorOfMatrix = ({ rows, cols, data }: Matrix): Tensor => tensorOf(Float32Array.from(data), [rows, cols]);
