/**
 * Residual bases: a part of the weight that is taken out of it before an adapter adds its own, and that the weight itself tells.
 */
import { matrix, qr, tensorOfMatrix, transposed, type Matrix, type Svd } from '../../ops/linalg/index.js';
import { addMatMul } from '../../ops/add-mat-mul.js';
import { matMul } from '../../ops/mat-mul.js';
import { noGrad } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { hostMatrix, leadingOf, spectrumOf } from './spectrum.js';

/**
 * W' = W - s P(W), with P(W) of rank r: its r leading singular triplets (PiSSA), its r trailing ones (KaSA), or
 * Q_r R_r of W = Q R, the first r columns and rows of its QR factors (OLoRA).
 */
export interface Residual {
  readonly _tag: 'Residual';
  readonly of: 'leading' | 'trailing' | 'qr';
  readonly r: number;
  readonly s: number;
  /** Factor the transpose of the stored weight: Q R differs, singular triplets do not. */
  readonly transposed: boolean;
}

/** The r last singular triplets. */
export const trailing = ({ U, S, Vt }: Svd, r: number): Svd => {
  const k = S.length - Math.min(r, S.length);
  return {
    U: transposed(matrix(S.length - k, U.rows, transposed(U).data.slice(k * U.rows))),
    S: S.slice(k),
    Vt: matrix(S.length - k, Vt.cols, Vt.data.slice(k * Vt.cols)),
  };
};

/** The first r columns of a row-major matrix. */
export const firstColumns = ({ rows, cols, data }: Matrix, r: number): Matrix => {
  const k = Math.min(r, cols);
  return matrix(
    rows,
    k,
    Float64Array.from({ length: rows * k }, (_, i) => data[Math.floor(i / k) * cols + (i % k)] as number),
  );
};

/** Q_r of W = Q R: the factors of the first r columns of W are the first ones of W. */
export const leadingQ = (W: Matrix, r: number): Matrix => qr(firstColumns(W, r)).Q;

/**
 * B [m, r] and A [r, n] with P(W) = B A, for a matrix W [m, n]; constants for gradients.
 *
 * @throws on webgpu, whose values cannot be read synchronously
 */
export const residualFactors = (u: Residual, W: Tensor): { readonly B: Tensor; readonly A: Tensor } => {
  if (u.of === 'qr') {
    // W = Q R gives Q_r R_r = Q_r Q_r^T W
    const host = hostMatrix(W);
    const Q = tensorOfMatrix(leadingQ(u.transposed ? transposed(host) : host, u.r));
    return u.transposed
      ? { B: noGrad(() => matMul(W, Q)), A: tf.transpose(Q) }
      : { B: Q, A: noGrad(() => matMul(Q, W, true)) };
  }
  const { U, S, Vt } = u.of === 'leading' ? leadingOf(W, u.r) : trailing(spectrumOf(W), u.r);
  const scaled = Float64Array.from(U.data, (x, i) => x * (S[i % S.length] as number));
  return { B: tensorOfMatrix(matrix(U.rows, S.length, scaled)), A: tensorOfMatrix(Vt) };
};

/** W - s P(W) for a matrix W. */
export const residualMatrix = (u: Residual, W: Tensor): Tensor => {
  const { B, A } = residualFactors(u, W);
  return addMatMul(W, B, A, { s: -u.s });
};
