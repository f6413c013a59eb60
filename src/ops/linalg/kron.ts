/**
 * Structured matrices from small ones.
 */
import { showShape, sizeOf, type Shape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';

/** `shape` with ones in front until it has `rank` axes. */
const padded = (shape: Shape, rank: number): Shape => [...Array<number>(rank - shape.length).fill(1), ...shape];

/** Sizes of both factors in one axis of the broadcast product: one of them is 1 where both are not alike. */
type AxisPair = readonly [a: number, b: number];

/** Neighbours that only one factor has (or none) become one axis, so that ranks stay low. */
const merged = (axes: ReadonlyArray<AxisPair>): ReadonlyArray<AxisPair> =>
  axes.reduce<ReadonlyArray<AxisPair>>((out, [a, b]) => {
    const last = out.at(-1);
    return last !== undefined && ((a === 1 && last[0] === 1) || (b === 1 && last[1] === 1))
      ? [...out.slice(0, -1), [last[0] * a, last[1] * b]]
      : [...out, [a, b]];
  }, []);

/**
 * The Kronecker product of any ranks, as `torch.kron`: `C[i_1 q_1 + j_1, ...] = A[i_1, ...] B[j_1, ...]`, the smaller rank
 * padded with ones in front; differentiable.
 *
 * @param A float32 [p_1, ..., p_n]
 * @param B float32 [q_1, ..., q_n]
 * @returns [p_1 q_1, ..., p_n q_n]
 */
export const kron = (A: Tensor, B: Tensor): Tensor => {
  const rank = Math.max(A.rank, B.rank);
  const [p, q] = [padded(A.shape, rank), padded(B.shape, rank)];
  const axes = merged(
    p.flatMap((d, i): ReadonlyArray<AxisPair> => [
      [d, 1],
      [1, q[i] as number],
    ]),
  );
  const left = tf.reshape(
    A,
    axes.map(([a]) => a),
  );
  const right = tf.reshape(
    B,
    axes.map(([, b]) => b),
  );
  return tf.reshape(
    tf.mul(left, right),
    p.map((d, i) => d * (q[i] as number)),
  );
};

/**
 * The dense matrix of circulant blocks: `C[m k + j, n k + t] = w[m, n, (t - j) mod k]`; differentiable. The first row of
 * each block is its kernel.
 *
 * @param w float32 [M, N, k]
 * @returns [M k, N k]
 */
export const blockCirculant = (w: Tensor): Tensor => {
  if (w.rank !== 3) throw new RangeError(`circulant blocks come from [M, N, k], found ${showShape(w.shape)}`);
  const [M, N, k] = w.shape as [number, number, number];
  if (sizeOf(w.shape) === 0) return tf.zeros([M * k, N * k]);
  const index = Int32Array.from({ length: k * k }, (_, i) => ((i % k) - Math.floor(i / k) + k) % k);
  const blocks = tf.reshape(tf.gather(w, tf.tensor1d(index, 'int32'), 2), [M, N, k, k]);
  return tf.reshape(tf.transpose(blocks, [0, 2, 1, 3]), [M * k, N * k]);
};
