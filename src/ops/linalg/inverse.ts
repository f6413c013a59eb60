/**
 * Differentiable inverses of batches of matrices.
 */
import { currentBackend, tensorOf } from '../backend.js';
import { matMul } from '../mat-mul.js';
import { showShape, sizeOf, type Shape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { solved } from './lu.js';
import { identity } from './matrix.js';

/** On the host, in float64 with partial pivoting; a singular matrix gives NaN. */
const eliminated = (A: Tensor): Tensor => {
  const n = A.shape[A.rank - 1] as number;
  const values = A.dataSync();
  const out = new Float32Array(values.length);
  const I = identity(n).data;
  for (let at = 0; at < values.length; at += n * n) {
    const X = solved(values.subarray(at, at + n * n), I, n);
    if (typeof X === 'number') out.fill(NaN, at, at + n * n);
    else out.set(X, at);
  }
  return tensorOf(out, A.shape);
};

/** Doublings of accuracy: enough for condition numbers up to 1e4 in the norms below. */
const ITERATIONS = 32;

/**
 * `X <- X (2 I - A X)` from `A^T / (|A|_1 |A|_inf)` (Newton, Schulz), a fixed number of times, since a GPU's values cannot
 * be looked at in between. Once converged it stays.
 */
const iterated = (A: Tensor): Tensor => {
  const twice = tf.mul(tf.eye(A.shape[A.rank - 1] as number), 2);
  const size = (axis: number): Tensor => tf.max(tf.sum(tf.abs(A), axis, true), [-2, -1], true);
  const axes = [...A.shape.keys()];
  const swapped = [...axes.slice(0, -2), A.rank - 1, A.rank - 2];
  let X: Tensor = tf.div(tf.transpose(A, swapped), tf.mul(size(-1), size(-2)));
  for (let k = 0; k < ITERATIONS; k++) X = matMul(X, tf.sub(twice, matMul(A, X)));
  return X;
};

const requireSquare = (shape: Shape): void => {
  if (shape.length < 2 || shape[shape.length - 1] !== shape[shape.length - 2]) {
    throw new RangeError(`inverse of ${showShape(shape)}: the last two sizes differ`);
  }
};

/**
 * The inverses of a batch of matrices, differentiable to any order: `Y = A^-1`, `dA = -Y^T dY Y^T`.
 *
 * On wasm and cpu each matrix is inverted in float64 with partial pivoting and rounded once; a singular one gives NaN. On
 * webgpu, where values cannot be read synchronously, by 32 Newton steps in float32: for condition numbers up to about 1e4.
 *
 * @param A float32 [..., n, n]
 * @returns [..., n, n]
 * @throws when the last two sizes differ
 */
export const inverse = (A: Tensor): Tensor => {
  requireSquare(A.shape);
  if (sizeOf(A.shape) === 0) return tf.clone(A);
  const f = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [Tensor, tf.GradSaveFunc];
    save([x]);
    return {
      value: currentBackend() === 'webgpu' ? iterated(x) : eliminated(x),
      gradFunc: (dy, saved) => {
        // Computed anew, as a function of the input, so that it can be differentiated again.
        const Y = inverse(saved[0] as Tensor);
        return tf.neg(matMul(matMul(Y, dy as Tensor, true), Y, false, true));
      },
    };
  });
  return f(A);
};

/**
 * The solutions of a batch of systems, differentiable to any order: `A X = B`, as `X = A^-1 B`.
 *
 * @param A float32 [..., n, n], well conditioned as for `inverse`
 * @param B float32 [..., n, k]; batch axes broadcast
 * @returns [..., n, k]
 */
export const solve = (A: Tensor, B: Tensor): Tensor => matMul(inverse(A), B);
