/**
 * Inverse Fourier transforms of sparse spectra, with real products instead of complex tensors.
 */
import { matMul } from '../mat-mul.js';
import { type Tensor } from '../tensor.js';
import { tf } from '../tf.js';

/** Where a spectrum is not zero: entry k at row `rows[k]` and column `cols[k]`; positions may repeat and add up. */
export interface SpectrumPositions {
  readonly rows: Int32Array;
  readonly cols: Int32Array;
}

/** `f(2 pi f_k p / n)` for p = 0 ... n / 2, as [n / 2 + 1, count]; angles are reduced exactly, in integers. */
const waves = (f: (angle: number) => number, frequencies: Int32Array, n: number): Tensor => {
  const table = Float32Array.from({ length: n }, (_, i) => f((2 * Math.PI * i) / n));
  const [half, count] = [Math.floor(n / 2) + 1, frequencies.length];
  const out = new Float32Array(half * count);
  for (let p = 0; p < half; p++) {
    for (let k = 0; k < count; k++) out[p * count + k] = table[((frequencies[k] as number) * p) % n] as number;
  }
  return tf.tensor2d(out, [half, count]);
};

/**
 * All n entries along `axis` from the first half: `half` at 0 ... n / 2, then those of `negative`, which holds y(-i) at i,
 * for i = -(n / 2 - 1) ... -1.
 */
const unfolded = (half: Tensor, negative: Tensor, axis: 0 | 1, n: number): Tensor => {
  const count = Math.ceil(n / 2) - 1;
  if (count <= 0) return half;
  const begin = axis === 0 ? [1, 0] : [0, 1];
  const size = negative.shape.map((d, i) => (i === axis ? count : d));
  return tf.concat([half, tf.reverse(tf.slice(negative, begin, size), axis)], axis);
};

/**
 * The real part of the inverse two-dimensional DFT of a sparse spectrum:
 * `y[p, q] = 1 / (m n) sum_k c_k cos(2 pi (u_k p / m + v_k q / n))`; differentiable in c.
 *
 * cos(a + b) = cos a cos b - sin a sin b, whose terms are even and odd in p and q, so a quarter of each is computed: two
 * products [m / 2, K] [K, n / 2].
 *
 * @param c float32 [K]
 * @param positions u_k in [0, m), v_k in [0, n)
 * @returns [m, n]
 */
export const inverseDft2 = (c: Tensor, { rows, cols }: SpectrumPositions, m: number, n: number): Tensor => {
  if (c.size !== rows.length || c.size !== cols.length) {
    throw new RangeError(`a spectrum of ${c.size} entries at ${rows.length} rows and ${cols.length} columns`);
  }
  if (c.size === 0 || m * n === 0) return tf.zeros([m, n]);
  const weights = tf.div(tf.reshape(c, [1, c.size]), m * n);
  const quarter = (f: (angle: number) => number): Tensor =>
    matMul(tf.mul(waves(f, rows, m), weights), waves(f, cols, n), false, true);
  const [even, odd] = [quarter(Math.cos), quarter(Math.sin)];
  // y(p, q) = y(-p, -q) = even - odd and y(-p, q) = y(p, -q) = even + odd.
  const [same, other] = [tf.sub(even, odd), tf.add(even, odd)];
  return unfolded(unfolded(same, other, 1, n), unfolded(other, same, 1, n), 0, m);
};
