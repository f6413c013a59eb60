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
import { numbers, withRoom } from '../ops/kernels/linalg.js';
import { columnsOfQ, factor } from '../ops/linalg/householder.js';
import { transposeValues } from '../ops/linalg/matrix.js';
import { addLowerProduct, addProduct } from '../ops/linalg/product.js';
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

/** Q^T Q + alpha I for some rows of Q. */
const ridged = (Q: Matrix, from: number, count: number, alpha: number): Matrix => {
  const d = Q.cols;
  return withRoom((count + d) * d, () => {
    const [x, gram] = [numbers(count * d), numbers(d * d)];
    x.set(Q.data.subarray(from * d, (from + count) * d));
    const rows = { x, at: 0, row: d };
    addLowerProduct(d, count, { x, at: 0, row: 1, step: d }, rows, { x: gram, at: 0, row: d });
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < i; j++) gram[j * d + i] = gram[i * d + j] as number;
      gram[i * d + i] = (gram[i * d + i] as number) + alpha;
    }
    return matrix(d, d, gram.slice());
  });
};

const inverted = (A: Matrix): Matrix => {
  const found = hostInverse(A);
  if (E.isLeft(found)) throw new RangeError('regularization_alpha: a basis needs a positive one for these layers');
  return found.right;
};

/** Adds s A to a sum. */
const addTo = (sum: Float64Array, { data }: Matrix, s: number): void => {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + s * (data[i] as number);
};

/** Rows that are multiplied together. */
const STRIP = 128;

/** R^T E for an upper triangular R. */
const timesTriangle = (R: Matrix, E: Matrix): Matrix => {
  const d = R.cols;
  return withRoom(3 * d * d, () => {
    const [r, e, product] = [numbers(d * d), numbers(d * d), numbers(d * d)];
    r.set(R.data);
    e.set(E.data);
    for (let i = 0; i < d; i += STRIP) {
      const rows = Math.min(STRIP, d - i);
      const [left, to] = [
        { x: r, at: i, row: 1, step: d },
        { x: product, at: i * d, row: d },
      ] as const;
      addProduct(rows, i + rows, d, left, { x: e, at: 0, row: d }, to);
    }
    return matrix(d, d, product.slice());
  });
};

/** Matrices [d, d] of which a decomposition and a product take room. */
const ROOM = 8;

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
  // one memory for all of it
  return withRoom(4 * stack.rows * d + ROOM * d * d, () => {
    const { Q, R } = qr(stack);
    const mean = new Float64Array(d * d);
    weights.reduce((from, { rows }) => {
      addTo(mean, inverted(ridged(Q, from, rows, alpha)), 1 / weights.length);
      return from + rows;
    }, 0);
    return timesTriangle(R, eigh(matrix(d, d, mean)).V);
  });
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
    const d = B.cols;
    const [lengths, data] = [new Float64Array(d), new Float64Array(B.data.length)];
    for (let at = 0; at < data.length; at += d)
      for (let j = 0; j < d; j++) lengths[j] = (lengths[j] as number) + (B.data[at + j] as number) ** 2;
    for (let j = 0; j < d; j++) lengths[j] = Math.sqrt(lengths[j] as number);
    for (let at = 0; at < data.length; at += d)
      for (let j = 0; j < d; j++) {
        const length = lengths[j] as number;
        data[at + j] = length > ZERO ? (B.data[at + j] as number) / length : 0;
      }
    return { lengths, U: { ...B, data } };
  });
};
