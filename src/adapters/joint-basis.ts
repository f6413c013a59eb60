/**
 * FRoD's joint decomposition: one basis V for the layers that play the same part in a model.
 */
import {
  eigh,
  hostInverse,
  identity,
  matrix,
  multiply,
  qr,
  svd,
  transposed,
  type Matrix,
} from '../ops/linalg/index.js';
import { columnsOfQ, factor } from '../ops/linalg/householder.js';
import { transposeValues } from '../ops/linalg/matrix.js';
import { E } from '../fp.js';
import { currentBackend } from '../ops/backend.js';
import type { Tensor } from '../ops/tensor.js';
import { memory } from './remembered.js';

const stackOf = (matrices: ReadonlyArray<Matrix>): Matrix => {
  const cols = matrices[0]?.cols ?? 0;
  const data = new Float64Array(matrices.reduce((n, m) => n + m.rows * cols, 0));
  matrices.reduce((at, m) => (data.set(m.data, at), at + m.rows * cols), 0);
  return matrix(data.length / Math.max(1, cols), cols, data);
};

/** All right singular vectors of a wide matrix as columns; those of its null space are any orthonormal ones. */
const allRightVectors = (A: Matrix): Matrix => {
  const { Vt } = svd(A);
  const [rank, n] = [Vt.rows, A.cols];
  const rest = columnsOfQ(factor(Float64Array.from(Vt.data), n, rank), rank, n);
  const vectors = new Float64Array(n * n);
  vectors.set(Vt.data);
  vectors.set(rest, rank * n);
  return matrix(n, n, transposeValues(vectors, n, n));
};

const plusRidge = (A: Matrix, alpha: number): Matrix => ({
  ...A,
  data: Float64Array.from(A.data, (x, i) => x + (i % (A.cols + 1) === 0 ? alpha : 0)),
});

/** (A + alpha I)^-1. */
const ridgeInverse = (A: Matrix, alpha: number): Matrix => {
  const found = hostInverse(plusRidge(A, alpha));
  if (E.isLeft(found)) throw new RangeError('regularization_alpha: a basis needs a positive one for these layers');
  return found.right;
};

const sumOf = (matrices: ReadonlyArray<Matrix>): Matrix =>
  matrices.reduce((a, b) => ({ ...a, data: Float64Array.from(a.data, (x, i) => x + (b.data[i] as number)) }));

/**
 * The basis V [d, d] of some weights [out_i, d]: with their stack Q R and Q_i the rows of Q of one layer, V = R^T E, E the eigenvectors of
 * mean_i (Q_i^T Q_i + alpha I)^-1; fewer rows than columns give the right singular vectors of the stack.
 *
 * The signs of its columns, and vectors of equal eigenvalues, are not LAPACK's.
 */
const jointBasis = (weights: ReadonlyArray<Matrix>, alpha: number): Matrix => {
  const stack = stackOf(weights);
  const d = stack.cols;
  if (stack.rows < d) return allRightVectors(stack);
  const { Q, R } = qr(stack);
  const starts = weights.map((_, i) => weights.slice(0, i).reduce((n, w) => n + w.rows, 0));
  const terms = weights.map((w, i) => {
    const start = starts[i] as number;
    const slice = matrix(w.rows, d, Q.data.slice(start * d, (start + w.rows) * d));
    return ridgeInverse(multiply(transposed(slice), slice), alpha);
  });
  const mean = sumOf(terms);
  const { V } = eigh({ ...mean, data: Float64Array.from(mean.data, (x) => x / weights.length) });
  return multiply(transposed(R), V);
};

/** Singular values below this part of the largest one count as zero. */
const SINGULAR = 1e-6;

/** V^-1, or where V is singular the pseudo-inverse. */
const inverseBasis = (V: Matrix): Matrix => {
  const exact = hostInverse(V);
  if (E.isRight(exact)) return exact.right;
  const { U, S, Vt } = svd(V);
  const inverted = identity(S.length);
  const least = SINGULAR * (S[0] ?? 0);
  S.forEach((s, i) => ((inverted.data as Float64Array)[i * S.length + i] = s > least ? 1 / s : 0));
  return multiply(multiply(transposed(Vt), inverted), transposed(U));
};

/** A weight that a basis comes from, and whether it is stored as [in, out]. */
export interface Member {
  readonly key: string;
  readonly transposed: boolean;
}

/** A weight as [out, in] on the host. */
const hostMatrix = (W: Tensor, turned: boolean): Matrix => {
  if (currentBackend() === 'webgpu')
    throw new TypeError('the basis of a weight is computed on the host: run this adapter on wasm or cpu');
  const [rows, cols] = W.shape as [number, number];
  const stored = matrix(rows, cols, W.dataSync() as Float32Array);
  return turned ? transposed(stored) : stored;
};

const knownBases = memory<Matrix>();

/** The basis of some weights, with the ridge `alpha`, rounded to float32; the same object for the same weights. Throws on webgpu, whose values cannot be read synchronously. */
export const basisOf = (weights: ReadonlyArray<Tensor>, members: ReadonlyArray<Member>, alpha: number): Matrix => {
  const turned = weights.map((_, i) => members[i]?.transposed ?? false);
  return knownBases(
    weights.map((W) => W.dataId),
    JSON.stringify([alpha, turned]),
    () => {
      const exact = jointBasis(
        weights.map((W, i) => hostMatrix(W, turned[i] as boolean)),
        alpha,
      );
      return { ...exact, data: Float32Array.from(exact.data) };
    },
  );
};

/** The columns of W V^-T: their lengths [d], and themselves at length 1, [out, d]. */
export interface UnitColumns {
  readonly lengths: Float64Array;
  readonly U: Matrix;
}

const knownInverses = memory<Matrix>();
const knownColumns = memory<UnitColumns>();

/** Columns up to this length count as zero. */
const ZERO = 1e-12;

/**
 * The columns of W V^-T for a weight W, [out, d] or as it is stored, and a basis V [d, d].
 *
 * In float64, because PEFT takes columns that are nothing but V's rounding for directions.
 */
export const unitColumns = (W: Tensor, turned: boolean, V: Tensor | Matrix): UnitColumns => {
  const basis = 'dataId' in V ? V.dataId : V;
  return knownColumns([W.dataId, basis], String(turned), () => {
    const inverse = knownInverses([basis], '', () => inverseBasis('dataId' in V ? hostMatrix(V, false) : V));
    const B = multiply(hostMatrix(W, turned), transposed(inverse));
    const squares = new Float64Array(B.cols);
    B.data.forEach((x, i) => (squares[i % B.cols] = (squares[i % B.cols] as number) + x * x));
    const lengths = squares.map(Math.sqrt);
    const data = Float64Array.from(B.data, (x, i) => {
      const length = lengths[i % B.cols] as number;
      return length > ZERO ? x / length : 0;
    });
    return { lengths, U: { ...B, data } };
  });
};
