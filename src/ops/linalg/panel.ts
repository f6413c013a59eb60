/**
 * Products of Householder reflections in compact form, so that many turn a matrix by products of matrices.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { transposeInto } from './matrix.js';
import { addProduct } from './product.js';
import { dot } from './vectors.js';

/** Reflections that are taken together. */
export const PANEL = 64;

/** `H_0 H_1 ... = I - V^T T V`, H_k = I - tau_k v_k v_k^T: v_k the rows of V [count, length], T [count, count] upper triangular. */
export interface Panel {
  readonly count: number;
  readonly length: number;
  readonly V: Float64Array;
  readonly T: Float64Array;
}

/** Numbers that a panel and turning `rows` vectors by it take room for. */
export const panelRoom = (length: number, rows: number): number => PANEL * (3 * length + 3 * rows + 4 * PANEL) + 64;

/** A panel of up to `PANEL` vectors, the rows of V; the compact form of Schreiber and Van Loan (1989). */
export const panelOf = (V: Float64Array, length: number, tau: Float64Array): Panel => {
  const count = tau.length;
  const T = numbers(count * count);
  const products = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    const t = tau[j] as number;
    for (let k = 0; k < j; k++) products[k] = dot(V, k * length, V, j * length, length);
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let k = i; k < j; k++) sum += (T[i * count + k] as number) * (products[k] as number);
      T[i * count + j] = -t * sum;
    }
    T[j * count + j] = t;
  }
  return { count, length, V, T };
};

/**
 * `X <- X H_0 H_1 ...` for rows of X, or, reversed, `X <- X ... H_1 H_0`, which turns each row x as the column `H_0 H_1 ... x`.
 *
 * @param at, step where the first row's part that is turned begins, and entries from row to row
 */
export const turnRows = (
  { count, length, V, T }: Panel,
  X: Float64Array,
  at: number,
  step: number,
  rows: number,
  reversed: boolean,
): void =>
  withRoom(0, () => {
    const across = transposeInto(numbers(length * count), V, count, length);
    const negated = numbers(count * count);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < count; j++) negated[i * count + j] = -(T[reversed ? j * count + i : i * count + j] as number);
    const [Y, Z] = [numbers(rows * count), numbers(rows * count)];
    const [y, z] = [
      { x: Y, at: 0, row: count },
      { x: Z, at: 0, row: count },
    ];
    addProduct(rows, length, count, { x: X, at, row: step, step: 1 }, { x: across, at: 0, row: count }, y);
    addProduct(rows, count, count, { ...y, step: 1 }, { x: negated, at: 0, row: count }, z);
    addProduct(rows, count, length, { ...z, step: 1 }, { x: V, at: 0, row: length }, { x: X, at, row: step });
  });
