/**
 * Factors of LoRA from a decomposition of the weight, as plain functions of matrices [out, in].
 */
import { leading, multiply, transposed, type Matrix, type Svd } from '../../../ops/linalg/index.js';
import { leadingQ, trailing } from '../../updates/residual.js';

/** A [r, in] and B [out, r] where training starts. */
export interface Factors {
  readonly A: Matrix;
  readonly B: Matrix;
}

/** Row i of X times v[i]. */
export const scaleRows = ({ rows, cols, data }: Matrix, v: ArrayLike<number>): Matrix => ({
  rows,
  cols,
  data: Float64Array.from(data, (x, i) => x * (v[Math.floor(i / cols)] as number)),
});

/** Column j of X times v[j]. */
export const scaleColumns = ({ rows, cols, data }: Matrix, v: ArrayLike<number>): Matrix => ({
  rows,
  cols,
  data: Float64Array.from(data, (x, i) => x * (v[i % cols] as number)),
});

/** B = U sqrt(S / s) and A = sqrt(S / s) V^T, so that s B A is the product of the triplets. */
export const balanced = ({ U, S, Vt }: Svd, s: number): Factors => {
  const root = S.map((x) => Math.sqrt(x / s));
  return { A: scaleRows(Vt, root), B: scaleColumns(U, root) };
};

/**
 * PiSSA: the r leading singular triplets of W, each factor with the square roots of their values over s.
 *
 * Meng et al., "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models",
 * https://arxiv.org/abs/2404.02948
 */
export const pissaFactors = (spectrum: Svd, r: number, s: number): Factors => balanced(leading(spectrum, r), s);

/**
 * OLoRA: B = Q_r and A = R_r of W = Q R, in LAPACK's signs.
 *
 * Buyukakyuz, "OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models", https://arxiv.org/abs/2406.01775
 */
export const oloraFactors = (W: Matrix, r: number): Factors => {
  const B = leadingQ(W, r);
  return { A: multiply(transposed(B), W), B };
};

/**
 * MiCA: B = the left singular vectors of W's r smallest singular values, which stay as they are; A = 0.
 *
 * "Minor Component Adaptation", https://arxiv.org/abs/2604.01694
 */
export const micaFactors = (spectrum: Svd, r: number): Factors => {
  const { U, Vt } = trailing(spectrum, r);
  return { A: { rows: U.cols, cols: Vt.cols, data: new Float64Array(U.cols * Vt.cols) }, B: U };
};
