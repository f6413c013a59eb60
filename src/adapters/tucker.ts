/**
 * Low-rank convolutions with a core: X[p, q, k] = sum_ij t[i, j, k] wa[i, p] wb[j, q], as FedPara and LyCORIS have them.
 */
import { matMul } from '../ops/mat-mul.js';
import { sizeOf, type Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';

/**
 * The core times its input factor: A[i, (q, k)] = sum_j wb[j, q] t[i, j, k], so that X = wa^T A as a matrix.
 *
 * @param core t [r, r, ...kernel]
 * @param wb [r, in]
 * @returns [r, in * kernel]
 */
export const overKernel = (core: Tensor, wb: Tensor): Tensor => {
  const [r, inputs] = wb.shape as [number, number];
  const size = sizeOf(core.shape.slice(2));
  const slices = tf.transpose(tf.reshape(core, [r, r, size]), [1, 0, 2]);
  const product = matMul(wb, tf.reshape(slices, [r, r * size]), true);
  return tf.reshape(tf.transpose(tf.reshape(product, [inputs, r, size]), [1, 0, 2]), [r, inputs * size]);
};
