/**
 * Products of Householder reflections, and orthonormal columns by them or by Gram-Schmidt, of trained vectors, as differentiable tensors.
 */
import { matMul } from '../mat-mul.js';
import { stopGradient } from '../stop-gradient.js';
import { showShape, type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { inverse } from './inverse.js';

const requireColumns = (what: string, U: Tensor): readonly [d: number, r: number] => {
  if (U.rank !== 2) throw new RangeError(`${what} takes columns [d, r], found ${showShape(U.shape)}`);
  return U.shape as [number, number];
};

/** The orthogonal `H = I - V T V^T`: V [d, r] with unit columns, T [r, r] upper triangular. */
export interface Reflections {
  readonly V: Tensor;
  readonly T: Tensor;
}

/**
 * The product of reflections along the columns of U, first column leftmost: `H = prod_i (I - 2 v_i v_i^T) = I - V T V^T`,
 * v_i = u_i / |u_i|, in compact form (Schreiber and Van Loan, 1989): `T^-1 = I / 2 + striu(V^T V)`.
 *
 * H^-1 = H^T = I - V T^T V^T is the product in reverse order. A zero column gives NaN, as in PEFT's HRA.
 *
 * @param U float32 [d, r]
 */
export const reflections = (U: Tensor): Reflections => {
  const [, r] = requireColumns('a product of reflections', U);
  const V = tf.div(U, tf.sqrt(tf.sum(tf.square(U), 0, true)));
  const above = tf.tensor2d(
    Float32Array.from({ length: r * r }, (_, i) => (i % r > Math.floor(i / r) ? 1 : 0)),
    [r, r],
  );
  const T = inverse(tf.add(tf.mul(matMul(V, V, true), above), tf.mul(tf.eye(r), 0.5)));
  return { V, T };
};

/**
 * `W H = W - ((W V) T) V^T`, in 4 m d r multiplications; with `reverse`, `W H^-1`.
 *
 * @param W float32 [..., m, d]
 */
export const reflectRows = (W: Tensor, { V, T }: Reflections, reverse = false): Tensor =>
  tf.sub(W, matMul(matMul(matMul(W, V), T, false, reverse), V, false, true));

/** H itself, [d, d]. */
export const denseReflections = (h: Reflections): Tensor => reflectRows(tf.eye(h.V.shape[0] as number), h);

/**
 * The unit vector of the reflection that sends a column x [m, 1] to -sign(x_0) |x| e_0, LAPACK's choice; zero where all entries but
 * the first are 0, which LAPACK leaves as it is.
 */
const reflector = (x: Tensor): Tensor => {
  const m = x.shape[0] as number;
  const first = tf.slice(x, [0, 0], [1, 1]);
  const tail = tf.sum(tf.square(tf.slice(x, [1, 0], [m - 1, 1])), 0, true);
  const turned = stopGradient(tf.cast(tf.greater(tail, 0), 'float32'));
  // 0 counts as positive
  const sign = stopGradient(tf.sub(tf.mul(tf.cast(tf.greaterEqual(first, 0), 'float32'), 2), 1));
  const length = tf.sqrt(tf.add(tail, tf.square(first)));
  const head = tf.mul(sign, length) as tf.Tensor2D;
  const v = tf.add(
    x,
    tf.pad(head, [
      [0, m - 1],
      [0, 0],
    ]),
  );
  const norm = tf.sqrt(tf.sum(tf.square(v), 0, true));
  return tf.mul(tf.div(v, tf.add(norm, tf.sub(1, turned))), turned);
};

/** X - 2 v v^T X for v [m, 1], a unit vector or zero. */
const reflected = (X: Tensor, v: Tensor): Tensor => tf.sub(X, tf.mul(matMul(v, matMul(v, X, true)), 2));

/**
 * Q of the thin QR factorisation of columns, with the signs of `qr`, which are LAPACK's; differentiable.
 *
 * One reflection a column, in float32; a column that depends on earlier ones gives an arbitrary direction.
 *
 * @param A float32 [m, r], r <= m
 * @returns [m, r], orthonormal columns
 */
export const qrColumns = (A: Tensor): Tensor => {
  const [m, r] = requireColumns('QR of columns', A);
  const below = (X: Tensor, rows: number): Tensor =>
    tf.pad(X as tf.Tensor2D, [
      [rows, m - rows - (X.shape[0] as number)],
      [0, 0],
    ]);
  const vectors: Tensor[] = [];
  let rest = A;
  for (let k = 0; k < Math.min(r, m - 1); k++) {
    const v = reflector(tf.slice(rest, [0, 0], [m - k, 1]));
    vectors.push(below(v, k));
    rest = tf.slice(reflected(rest, v), [1, 1], [m - k - 1, r - k - 1]);
  }
  return vectors.reduceRight(reflected, below(tf.eye(r), 0));
};

/**
 * Modified Gram-Schmidt: orthonormal columns that span those of U, `q_i = (u_i - sum_(j < i) q_j q_j^T u_i) / |...|`;
 * differentiable.
 *
 * A zero column gives NaN; columns that depend on earlier ones leave rounding, normalised.
 *
 * @param U float32 [d, r], r <= d
 * @returns [d, r]
 */
export const gramSchmidt = (U: Tensor): Tensor => {
  const [d, r] = requireColumns('Gram-Schmidt', U);
  const columns: Tensor[] = [];
  let rest = U;
  for (let i = 0; i < r; i++) {
    const u = tf.slice(rest, [0, 0], [d, 1]);
    const q = tf.div(u, tf.sqrt(tf.sum(tf.square(u), 0, true)));
    columns.push(q);
    if (i === r - 1) break;
    // What is left of the later columns, once this direction is removed.
    const later = tf.slice(rest, [0, 1], [d, r - 1 - i]);
    rest = tf.sub(later, matMul(q, matMul(q, later, true)));
  }
  return columns.length === 0 ? tf.clone(U) : tf.concat(columns, 1);
};
