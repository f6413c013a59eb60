/**
 * Rotations from skew-symmetric matrices.
 */
import { matMul } from '../mat-mul.js';
import { showShape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { inverse } from './inverse.js';

/** Where entry (i, j) of an n by n skew-symmetric matrix lies in its upper triangle read by rows, and with which sign. */
const skewTable = (n: number): { readonly index: Int32Array; readonly sign: Float32Array } => {
  const [index, sign] = [new Int32Array(n * n), new Float32Array(n * n)];
  let next = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++, next++) {
      index[i * n + j] = next;
      index[j * n + i] = next;
      sign[i * n + j] = 1;
      sign[j * n + i] = -1;
    }
  }
  return { index, sign };
};

/**
 * Skew-symmetric matrices from their strict upper triangles: `K = T - T^T`, T filled by rows: (0, 1), (0, 2), ..., (1, 2), ...
 *
 * @param u float32 [..., n (n - 1) / 2]
 * @returns [..., n, n]
 * @throws when the last size is not n (n - 1) / 2
 */
export const skewSymmetric = (u: Tensor, n: number): Tensor => {
  const size = (n * (n - 1)) / 2;
  if (u.shape[u.rank - 1] !== size) {
    throw new RangeError(`skew-symmetric ${showShape([n, n])}: ${size} values make one, found ${showShape(u.shape)}`);
  }
  const out = [...u.shape.slice(0, -1), n, n];
  if (size === 0) return tf.zeros(out);
  const { index, sign } = skewTable(n);
  const entries = tf.gather(u, tf.tensor1d(index, 'int32'), u.rank - 1);
  return tf.reshape(tf.mul(entries, tf.tensor1d(sign)), out);
};

/**
 * The Cayley transform `R = (I - K) (I + K)^-1 = 2 (I + K)^-1 - I`, orthogonal for skew-symmetric K; differentiable.
 *
 * OFT's exact rotation, BOFT's with K = (A - A^T) / 2, and PSOFT's `(I + K) (I - K)^-1` as that of -K. Orthogonal to
 * about 1e-6.
 *
 * @param K float32 [..., n, n]
 */
export const cayley = (K: Tensor): Tensor => {
  const I = tf.eye(K.shape[K.rank - 1] as number);
  return tf.sub(tf.mul(inverse(tf.add(I, K)), 2), I);
};

/**
 * OFT's truncated series of `(I + K) (I - K)^-1 = I + 2 K + 2 K^2 + ...`, which is the inverse of `cayley(K)`: up to
 * `terms` - 1, the last power (but for 2 terms) with coefficient 1 instead of 2.
 *
 * 1 term: I; 2: I + 2 K; 3 and 4: I + 2 K + 2 K^2 + K^3; 5: I + 2 K + 2 K^2 + 2 K^3 + K^4; as PEFT has it. Orthogonal
 * only up to the order of what is left out.
 *
 * @param K float32 [..., n, n], small: the series converges for norms below 1
 */
export const cayleyNeumann = (K: Tensor, terms: number): Tensor => {
  const I = tf.eye(K.shape[K.rank - 1] as number);
  if (terms <= 1) return tf.add(tf.zerosLike(K), I);
  if (terms === 2) return tf.add(tf.mul(K, 2), I);
  const twice = tf.mul(K, 2);
  // Horner: S_1 = K and S_(p + 1) = 2 K + K S_p.
  let S = K;
  for (let p = 1; p < Math.max(3, terms - 1); p++) S = tf.add(twice, matMul(K, S));
  return tf.add(S, I);
};
