/**
 * One level of the inverse wavelet transform of a matrix that is zero but for a few coefficients.
 */
import { tensorOf } from '../backend.js';
import type { Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import type { FilterBank } from './filters.js';

/** Coefficients of one axis: which half of the spectrum, and where in it. */
export interface Coefficients {
  /** 1 for the high band. */
  readonly high: Uint8Array;
  readonly index: Int32Array;
}

/** One axis of the transform: `bands` coefficients in each band, of whose `2 bands + 2 - L` outputs `size` from `start` on are kept. */
export interface Axis {
  readonly bands: number;
  readonly start: number;
  readonly size: number;
}

/** Output q + L - 2 + start of the transform without borders is output q of the axis. */
const firstOutput = ({ start }: Axis, { low }: FilterBank): number => low.length - 2 + start;

/** Each coefficient turned into its L outputs along the columns: a matrix [2 bands, columns.size], low band first. */
const overColumns = (
  c: Tensor,
  bank: FilterBank,
  rows: Coefficients,
  columns: Coefficients,
  on: Axis,
  band: number,
) => {
  const [n, L] = [rows.index.length, bank.low.length];
  const flat = new Int32Array(n * L);
  const taps = new Float32Array(n * L);
  for (let i = 0; i < n; i++) {
    const row = (rows.index[i] as number) + (rows.high[i] === 1 ? band : 0);
    const filter = columns.high[i] === 1 ? bank.high : bank.low;
    for (let t = 0; t < L; t++) {
      const column = 2 * (columns.index[i] as number) + t - firstOutput(on, bank);
      if (column < 0 || column >= on.size) continue;
      flat[i * L + t] = row * on.size + column;
      taps[i * L + t] = filter[t] as number;
    }
  }
  const values = tf.mul(tf.reshape(c, [n, 1]), tensorOf(taps, [n, L]));
  const places = tensorOf(flat, [n * L, 1]);
  return tf.reshape(tf.scatterND(places, tf.reshape(values, [-1]), [2 * band * on.size]), [2 * band, on.size]);
};

/** Output e and e + 1 of each pair: y[2 e + p] = sum_j f[2 j + p] x[e - j] over both bands x. */
const overRows = (x: Tensor, { low, high }: FilterBank, on: Axis, first: number): Tensor => {
  const from = Math.floor(first / 2);
  const count = Math.floor((first + on.size - 1) / 2) - from + 1;
  const columns = x.shape[1] as number;
  const term = (filter: Float64Array, band: number, p: number, j: number): Tensor =>
    tf.mul(tf.slice(x, [band + from - j, 0], [count, columns]), filter[2 * j + p] as number);
  const phase = (p: number): Tensor =>
    Array.from({ length: low.length / 2 }, (_, j) => tf.add(term(low, 0, p, j), term(high, on.bands, p, j))).reduce(
      (a, b) => tf.add(a, b),
    );
  const pairs = tf.reshape(tf.stack([phase(0), phase(1)], 1), [2 * count, columns]);
  return tf.slice(pairs, [first % 2, 0], [on.size, columns]);
};

/**
 * sum_i c_i f_i g_i^T with f_i the row filter of coefficient i, shifted to its place, and g_i the column filter; differentiable in c.
 *
 * @param c [n]
 * @returns [rows.axis.size, columns.axis.size]
 */
export const synthesize = (
  c: Tensor,
  bank: FilterBank,
  rows: { readonly at: Coefficients; readonly axis: Axis },
  columns: { readonly at: Coefficients; readonly axis: Axis },
): Tensor => {
  const half = overColumns(c, bank, rows.at, columns.at, columns.axis, rows.axis.bands);
  return overRows(half, bank, rows.axis, firstOutput(rows.axis, bank));
};
