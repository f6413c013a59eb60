/**
 * The logarithm of the gamma function and its derivative, of positive numbers, as operations with gradients.
 *
 * Both go up to y = x + 8 by the recurrence Gamma(x + 1) = x Gamma(x), and on by Stirling's series, whose first term left out is
 * below 1e-9 there. Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.1.41 and 6.3.18.
 */
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

const STEPS = 8;

/** f(x) + f(x + 1) + ... + f(x + 7). */
const below = (x: Tensor, f: (x: Tensor) => Tensor): Tensor =>
  Array.from({ length: STEPS }, (_, i) => f(i === 0 ? x : tf.add(x, i))).reduce((sum, term) => tf.add(sum, term));

/** c_1 u + c_2 u^2 + ... */
const series = (u: Tensor, coefficients: ReadonlyArray<number>): Tensor =>
  tf.mul(
    u,
    coefficients.reduceRight<Tensor>((sum, c) => tf.add(tf.mul(sum, u), c), tf.zerosLike(u)),
  );

/** log Gamma(x), entry by entry, for x > 0. */
export const logGamma = (x: Tensor): Tensor => {
  const y = tf.add(x, STEPS);
  const inverse = tf.reciprocal(y);
  // 1 / 12 y - 1 / 360 y^3 + 1 / 1260 y^5
  const rest = tf.mul(y, series(tf.square(inverse), [1 / 12, -1 / 360, 1 / 1260]));
  const leading = tf.sub(tf.mul(tf.sub(y, 0.5), tf.log(y)), y);
  return tf.sub(tf.add(tf.add(leading, rest), Math.log(2 * Math.PI) / 2), below(x, tf.log));
};

/** psi(x), the derivative of log Gamma, entry by entry, for x > 0. */
export const digamma = (x: Tensor): Tensor => {
  const y = tf.add(x, STEPS);
  const inverse = tf.reciprocal(y);
  // 1 / 2 y + 1 / 12 y^2 - 1 / 120 y^4 + 1 / 252 y^6
  const rest = tf.add(tf.div(inverse, 2), series(tf.square(inverse), [1 / 12, -1 / 120, 1 / 252]));
  return tf.sub(tf.sub(tf.log(y), rest), below(x, tf.reciprocal));
};
