/**
 * How far factors are from having orthonormal rows or columns, as penalties of training.
 */
import { matMul } from '../ops/mat-mul.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';

/** |G - I| in the Frobenius norm. */
const fromIdentity = (G: Tensor): Tensor => tf.sqrt(tf.sum(tf.square(tf.sub(G, tf.eye(G.shape[0] as number)))));

/** |A A^T - I|, a scalar, for A [r, in]. */
export const rowsGap = (A: Tensor): Tensor => fromIdentity(matMul(A, A, false, true));

/** |B^T B - I|, a scalar, for B [out, r]. */
export const columnsGap = (B: Tensor): Tensor => fromIdentity(matMul(B, B, true));
