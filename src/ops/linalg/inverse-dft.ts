/**
 * Inverse Fourier transforms of sparse spectra: fast transforms on the host, or real products of tensors.
 */
import { currentBackend, tensorOf } from '../backend.js';
import { matMul } from '../mat-mul.js';
import { type Tensor } from '../tensor.js';
import { tf } from '../tf.js';
import { radicesOf } from './fft.js';
import { sparseInverseDft, type SpectrumPositions } from './sparse-spectrum.js';

export type { SpectrumPositions } from './sparse-spectrum.js';

/** `f(2 pi f_k p / n)` for p below `count`, as [count, K]; angles are reduced exactly, in integers. */
const waves = (f: (angle: number) => number, frequencies: Int32Array, n: number, count: number): Tensor => {
  const table = Float32Array.from({ length: n }, (_, i) => f((2 * Math.PI * i) / n));
  const K = frequencies.length;
  const out = new Float32Array(count * K);
  for (let p = 0; p < count; p++) {
    for (let k = 0; k < K; k++) out[p * K + k] = table[((frequencies[k] as number) * p) % n] as number;
  }
  return tf.tensor2d(out, [count, K]);
};

const halfOf = (n: number): number => Math.floor(n / 2) + 1;

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
 * By products, where the host does not compute: cos(a + b) = cos a cos b - sin a sin b, whose terms are even and odd in p and q, so
 * a quarter of each is computed: two products [m / 2, K] [K, n / 2].
 */
const byProducts = (c: Tensor, { rows, cols }: SpectrumPositions, m: number, n: number): Tensor => {
  const weights = tf.div(tf.reshape(c, [1, c.size]), m * n);
  const quarter = (f: (angle: number) => number): Tensor =>
    matMul(tf.mul(waves(f, rows, m, halfOf(m)), weights), waves(f, cols, n, halfOf(n)), false, true);
  const [even, odd] = [quarter(Math.cos), quarter(Math.sin)];
  // y(p, q) = y(-p, -q) = even - odd and y(-p, q) = y(p, -q) = even + odd.
  const [same, other] = [tf.sub(even, odd), tf.add(even, odd)];
  return unfolded(unfolded(same, other, 1, n), unfolded(other, same, 1, n), 0, m);
};

/** The adjoint: `dc_k = 1 / (m n) sum_pq dy[p, q] cos(2 pi (u_k p / m + v_k q / n))`. */
const adjoint = (dy: Tensor, { rows, cols }: SpectrumPositions, m: number, n: number): Tensor => {
  const part = (f: (angle: number) => number): Tensor =>
    tf.sum(tf.mul(matMul(dy, waves(f, cols, n, n)), waves(f, rows, m, m)), 0);
  return tf.div(tf.sub(part(Math.cos), part(Math.sin)), m * n);
};

/**
 * The real part of the inverse two-dimensional DFT of a sparse spectrum:
 * `y[p, q] = 1 / (m n) sum_k c_k cos(2 pi (u_k p / m + v_k q / n))`; differentiable in c.
 *
 * On wasm and cpu in about m n log n operations on the host, in float64, where n has no prime factor above 64; else by products.
 *
 * @param c float32 [K]
 * @param positions u_k in [0, m), v_k in [0, n)
 * @returns [m, n]
 */
export const inverseDft2 = (c: Tensor, positions: SpectrumPositions, m: number, n: number): Tensor => {
  const { rows, cols } = positions;
  if (c.size !== rows.length || c.size !== cols.length) {
    throw new RangeError(`a spectrum of ${c.size} entries at ${rows.length} rows and ${cols.length} columns`);
  }
  if (c.size === 0 || m * n === 0) return tf.zeros([m, n]);
  if (currentBackend() === 'webgpu' || radicesOf(n) === undefined) return byProducts(c, positions, m, n);
  return tf.customGrad((...args) => ({
    value: tensorOf(sparseInverseDft((args[0] as Tensor).dataSync() as Float32Array, positions, m, n), [m, n]),
    gradFunc: (dy) => tf.reshape(adjoint(dy as Tensor, positions, m, n), c.shape),
  }))(c);
};
