/**
 * Matrices on the host: plain values in float64, for decompositions that tensors in float32 cannot carry.
 */
import { read, tensorOf } from '../backend.js';
import { showShape, type Tensor } from '../tensor.js';

/** A dense matrix in row-major order: entry (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array | Float32Array;
}

/** A matrix from row-major values; throws when their number is not rows times cols. */
export const matrix = (rows: number, cols: number, data: Float64Array | Float32Array): Matrix => {
  if (data.length !== rows * cols) {
    throw new RangeError(`a matrix ${showShape([rows, cols])} has ${rows * cols} entries, found ${data.length}`);
  }
  return { rows, cols, data };
};

/** Entries (i, j) of `values`, [rows, cols], put at (j, i), in float64. */
export const transposeValues = (values: ArrayLike<number>, rows: number, cols: number): Float64Array => {
  const out = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) out[j * rows + i] = values[i * cols + j] as number;
  }
  return out;
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
  const data = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const x = a.data[i * k + l] as number;
      for (let j = 0; j < n; j++) data[i * n + j] = (data[i * n + j] as number) + x * (b.data[l * n + j] as number);
    }
  }
  return { rows: m, cols: n, data };
};

/** Reads a tensor [m, n] into a matrix. */
export const matrixOf = async (x: Tensor): Promise<Matrix> => {
  const [rows, cols] = x.shape;
  if (x.rank !== 2) throw new RangeError(`a matrix has two axes, found ${showShape(x.shape)}`);
  return { rows: rows as number, cols: cols as number, data: await read(x) };
};

/** A float32 tensor [m, n] from a matrix, each entry rounded once. */
export const tensorOfMatrix = ({ rows, cols, data }: Matrix): Tensor => tensorOf(Float32Array.from(data), [rows, cols]);
