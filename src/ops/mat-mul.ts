/**
 * Matrix products of any rank with broadcast batch axes, right on every backend.
 */
import * as tf from '@tensorflow/tfjs-core';
import { broadcastIndex, broadcastShapes, isSuffix } from './broadcast.js';
import { reshape } from './reshape.js';
import { showShape, sizeOf, type Shape, type Tensor } from './tensor.js';

/** The last two sizes of `x`, swapped when the matrix is read transposed. */
export const matrixShape = (x: Tensor, transposed: boolean): readonly [rows: number, cols: number] => {
  const [p, q] = x.shape.slice(-2) as [number, number];
  return transposed ? [q, p] : [p, q];
};

/**
 * `x` with its batch axes repeated to `batch`. tfjs repeats batches in row-major order, which is broadcasting only for
 * suffixes of `batch`; what is not one is gathered (Tile is many times slower on wasm).
 */
const expandBatch = (x: Tensor, batch: Shape): Tensor => {
  const own = x.shape.slice(0, -2);
  if (isSuffix(own, batch)) return x;
  const matrix = x.shape.slice(-2);
  const rows = reshape(x, [sizeOf(own), sizeOf(matrix)]);
  return reshape(tf.gather(rows, tf.tensor1d(broadcastIndex(own, batch), 'int32')), [...batch, ...matrix]);
};

/** The kernel, without the checks and conversions of tfjs's operation. */
const product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
  tf.engine().runKernel('BatchMatMul', { a, b }, { transposeA, transposeB });

/**
 * The product of matrices: `y[..., i, j] = sum_k a[..., i, k] b[..., k, j]`.
 *
 * @param a float32 `[...batch, m, k]`, or `[...batch, k, m]` with `transposeA`
 * @param b float32 `[...batch, k, n]`, or `[...batch, n, k]` with `transposeB`; batch axes broadcast as in numpy
 * @returns `[...batch, m, n]`
 * @throws when a rank is below 2, inner sizes differ or batches do not broadcast
 */
export const matMul = (a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor => {
  if (a.rank < 2 || b.rank < 2)
    throw new RangeError(`matMul of ${showShape(a.shape)} and ${showShape(b.shape)}: rank below 2`);
  const [m, k] = matrixShape(a, transposeA);
  const [l, n] = matrixShape(b, transposeB);
  if (k !== l)
    throw new RangeError(`matMul of ${showShape(a.shape)} and ${showShape(b.shape)}: inner sizes ${k} and ${l}`);
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes(batchA, batchB);
  const out = [...batch, m, n];
  // Backends fail on empty operands; an empty sum is zero.
  if (sizeOf(out) * k === 0) return tf.fill(out, 0);
  // One matrix for all batches: a single product with all rows.
  if (sizeOf(batchB) === 1 && !transposeA && (a.rank > 2 || b.rank > 2)) {
    const rows = reshape(a, [sizeOf(batchA) * m, k]);
    return reshape(product(rows, reshape(b, b.shape.slice(-2)), false, transposeB), out);
  }
  const y = product(expandBatch(a, batch), expandBatch(b, batch), transposeA, transposeB);
  return y.rank === out.length ? y : reshape(y, out);
};
