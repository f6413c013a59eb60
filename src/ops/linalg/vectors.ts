/**
 * Loops over vectors that lie one after another in a float64 array: vector j of length n is `x[j n], ..., x[j n + n - 1]`.
 * Arguments `at` are positions of first entries. On the kernel's memory (see `withRoom`) the kernel runs them, with equal bits.
 */
import { kernelFor } from '../kernels/linalg.js';

/** Shorter vectors are done before a kernel is called. */
const SHORT = 16;

/**
 * `sum_k x[a + k] y[b + k]` over n entries: over 0, 8, ..., over 1, 9, ..., and so on, which run side by side in the processor, then
 * ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), then what is left, as the kernel has it.
 */
export const dot = (x: Float64Array, a: number, y: Float64Array, b: number, n: number): number => {
  const kernel = n < SHORT ? undefined : kernelFor(x, y);
  if (kernel !== undefined) return kernel.dot(x.byteOffset + 8 * a, y.byteOffset + 8 * b, n);
  let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
  const whole = n - (n % 8);
  for (let k = 0; k < whole; k += 8) {
    s0 += (x[a + k] as number) * (y[b + k] as number);
    s1 += (x[a + k + 1] as number) * (y[b + k + 1] as number);
    s2 += (x[a + k + 2] as number) * (y[b + k + 2] as number);
    s3 += (x[a + k + 3] as number) * (y[b + k + 3] as number);
    s4 += (x[a + k + 4] as number) * (y[b + k + 4] as number);
    s5 += (x[a + k + 5] as number) * (y[b + k + 5] as number);
    s6 += (x[a + k + 6] as number) * (y[b + k + 6] as number);
    s7 += (x[a + k + 7] as number) * (y[b + k + 7] as number);
  }
  let sum = s0 + s4 + (s2 + s6) + (s1 + s5 + (s3 + s7));
  for (let k = whole; k < n; k++) sum += (x[a + k] as number) * (y[b + k] as number);
  return sum;
};

/** `y[b + k] += c x[a + k]` for n entries. */
export const addScaled = (y: Float64Array, b: number, c: number, x: Float64Array, a: number, n: number): void => {
  const kernel = n < SHORT ? undefined : kernelFor(x, y);
  if (kernel !== undefined) kernel.addScaled(y.byteOffset + 8 * b, c, x.byteOffset + 8 * a, n);
  else for (let k = 0; k < n; k++) y[b + k] = (y[b + k] as number) + c * (x[a + k] as number);
};

/** `x[a + k] *= c` for n entries. */
export const scaleBy = (x: Float64Array, a: number, c: number, n: number): void => {
  for (let k = 0; k < n; k++) x[a + k] = (x[a + k] as number) * c;
};

/** The plane rotation `(x, y) <- (c x - s y, s x + c y)` of n entries at a and b. */
export const rotate = (x: Float64Array, a: number, b: number, c: number, s: number, n: number): void => {
  const kernel = n < SHORT ? undefined : kernelFor(x);
  if (kernel !== undefined) {
    kernel.rotate(x.byteOffset + 8 * a, x.byteOffset + 8 * b, c, s, n);
    return;
  }
  for (let k = 0; k < n; k++) {
    const p = x[a + k] as number;
    const q = x[b + k] as number;
    x[a + k] = c * p - s * q;
    x[b + k] = s * p + c * q;
  }
};

/** `x <- x - tau (v^T x) v` for a vector v of n entries at `a` and `count` vectors x, the first at b, the others `step` entries further each. */
export const reflect = (
  v: Float64Array,
  a: number,
  tau: number,
  x: Float64Array,
  b: number,
  step: number,
  count: number,
  n: number,
): void => {
  const kernel = kernelFor(v, x);
  if (kernel !== undefined) kernel.reflect(v.byteOffset + 8 * a, tau, x.byteOffset + 8 * b, 8 * step, count, n);
  else for (let j = 0, at = b; j < count; j++, at += step) addScaled(x, at, -(tau * dot(v, a, x, at, n)), v, a, n);
};

/** Exchanges n entries at a with those at b. */
export const swap = (x: Float64Array, a: number, b: number, n: number): void => {
  for (let k = 0; k < n; k++) {
    const p = x[a + k] as number;
    x[a + k] = x[b + k] as number;
    x[b + k] = p;
  }
};

/** The largest magnitude of n entries, NaN if any entry is. */
export const largest = (x: ArrayLike<number>, a: number, n: number): number => {
  let max = 0;
  for (let k = 0; k < n; k++) max = Math.max(max, Math.abs(x[a + k] as number));
  return max;
};

/** The Euclidean norm of n entries, without overflow or underflow of their squares. */
export const norm = (x: Float64Array, a: number, n: number): number => {
  const square = dot(x, a, x, a, n);
  if (square > 1e-280 && square < 1e280) return Math.sqrt(square);
  const max = largest(x, a, n);
  if (max === 0 || !Number.isFinite(max)) return max;
  let sum = 0;
  for (let k = 0; k < n; k++) sum += ((x[a + k] as number) / max) ** 2;
  return max * Math.sqrt(sum);
};

/** A power of two near the largest entry, by which dividing is exact; 1 for zeros and what is not finite. */
export const binaryScale = (x: ArrayLike<number>): number => {
  const max = largest(x, 0, x.length);
  return max > 0 && Number.isFinite(max) ? 2 ** Math.floor(Math.log2(max)) : 1;
};
