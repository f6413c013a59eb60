/**
 * The logarithm, sine and cosine of torch's vectorised normal numbers: single-precision polynomials, evaluated with fused
 * multiply-adds in one fixed order. A better logarithm would give other last bits.
 *
 * Source: Moshier's Cephes library (`logf`, `sinf`, `cosf`), in the arrangement of Pommier's `avx_mathfun`.
 */
import { fma } from './fma.js';

const { fround } = Math;

/** Coefficients of log(1 + x), highest power first. */
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(fround);

/** log 2 in two parts; the high one has few bits, so that its product with an exponent is exact. */
const LOG2_HIGH = 0.693359375;
const LOG2_LOW = fround(-2.1219444e-4);

/** sqrt(1/2), where the mantissa's range is cut. */
const SQRT_HALF = fround(Math.SQRT1_2);

/** A polynomial, highest power first, at x by Horner's rule. */
const horner = (coefficients: ReadonlyArray<number>, x: number): number => coefficients.reduce((y, c) => fma(y, x, c));

/** `log(k 2^-24)` for an integer k in [1, 2^24]: the logarithm of a uniform number that is not 0. */
export const log24 = (k: number): number => {
  const digits = 32 - Math.clz32(k);
  const mantissa = k / 2 ** digits;
  const low = mantissa < SQRT_HALF;
  const exponent = digits - 24 - (low ? 1 : 0);
  const x = low ? mantissa - 1 + mantissa : mantissa - 1;
  const square = fround(x * x);
  const series = fma(fround(horner(LOG, x) * x), square, fround(exponent * LOG2_LOW));
  return fma(exponent, LOG2_HIGH, fround(x + fround(series - square * 0.5)));
};

const FOUR_OVER_PI = fround(4 / Math.PI);

/** pi/4 in three parts (Cody and Waite). */
const [HIGH, MIDDLE, LOW] = [0.78515625, fround(2.418756484985351e-4), fround(3.774894977445941e-8)] as const;

/** Coefficients of cosine and sine in x^2 on [-pi/4, pi/4], highest power first. */
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(fround);
const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(fround);

/** Sine and cosine of an angle in [0, 8192). */
export const sinCos = (angle: number): readonly [sin: number, cos: number] => {
  const octant = (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
  const x = fma(octant, -LOW, fma(octant, -MIDDLE, fma(octant, -HIGH, angle)));
  const square = fround(x * x);
  const even = fround(fma(fround(horner(COS, square) * square), square, -(square * 0.5)) + 1);
  const odd = fma(fround(horner(SIN, square) * square), x, x);
  const [sin, cos] = (octant & 2) === 0 ? [odd, even] : [even, odd];
  return [octant & 4 ? -sin : sin, (octant - 2) & 4 ? cos : -cos];
};
