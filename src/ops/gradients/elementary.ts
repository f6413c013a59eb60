/**
 * Gradients of the elementary functions: exponentials, roots, trigonometry and the sigmoids.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '../tensor.js';
import { unary, type Rule } from './rule.js';

/** Scale and alpha of SELU (Klambauer et al., arXiv 1706.02515). */
const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

/** 1 above 0 and `slope` elsewhere. */
const negativeSlope = (x: Tensor, slope: Tensor): Tensor => {
  const above = tf.step(x);
  return tf.add(above, tf.mul(tf.sub(1, above), slope));
};

/** Rules of the elementary functions, all elementwise. */
export const elementary: ReadonlyArray<Rule> = [
  unary('Exp', (dy, x) => tf.mul(dy, tf.exp(x))),
  unary('Expm1', (dy, x) => tf.mul(dy, tf.exp(x))),
  unary('Log', (dy, x) => tf.div(dy, x)),
  unary('Log1p', (dy, x) => tf.div(dy, tf.add(x, 1))),
  unary('Sqrt', (dy, x) => tf.div(dy, tf.mul(tf.sqrt(x), 2))),
  // d x^(-1/2) = -1/2 x^(-1/2) / x
  unary('Rsqrt', (dy, x) => tf.mul(tf.div(tf.mul(dy, tf.rsqrt(x)), x), -0.5)),
  unary('Sin', (dy, x) => tf.mul(dy, tf.cos(x))),
  unary('Cos', (dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  unary('Tanh', (dy, x) => tf.mul(dy, tf.sub(1, tf.square(tf.tanh(x))))),
  unary('Sigmoid', (dy, x) => {
    const y = tf.sigmoid(x);
    return tf.mul(dy, tf.mul(y, tf.sub(1, y)));
  }),
  unary('Softplus', (dy, x) => tf.mul(dy, tf.sigmoid(x))),
  // d erf(x) = 2 / sqrt(pi) exp(-x^2)
  unary('Erf', (dy, x) => tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)))),
  unary('Tan', (dy, x) => tf.div(dy, tf.square(tf.cos(x)))),
  unary('Asin', (dy, x) => tf.mul(dy, tf.rsqrt(tf.sub(1, tf.square(x))))),
  unary('Acos', (dy, x) => tf.neg(tf.mul(dy, tf.rsqrt(tf.sub(1, tf.square(x)))))),
  unary('Atan', (dy, x) => tf.div(dy, tf.add(tf.square(x), 1))),
  unary('Sinh', (dy, x) => tf.mul(dy, tf.cosh(x))),
  unary('Cosh', (dy, x) => tf.mul(dy, tf.sinh(x))),
  unary('Asinh', (dy, x) => tf.mul(dy, tf.rsqrt(tf.add(tf.square(x), 1)))),
  unary('Acosh', (dy, x) => tf.mul(dy, tf.rsqrt(tf.sub(tf.square(x), 1)))),
  unary('Atanh', (dy, x) => tf.div(dy, tf.sub(1, tf.square(x)))),
  // e^x below 0; e^-|x| does not overflow above
  unary('Elu', (dy, x) => tf.mul(dy, negativeSlope(x, tf.exp(tf.neg(tf.abs(x)))))),
  unary('Selu', (dy, x) =>
    tf.mul(dy, tf.mul(negativeSlope(x, tf.mul(tf.exp(tf.neg(tf.abs(x))), SELU.alpha)), SELU.scale)),
  ),
  unary<{ readonly alpha: number }>('LeakyRelu', (dy, x, { alpha }) =>
    tf.mul(dy, negativeSlope(x, tf.fill(x.shape, alpha))),
  ),
  unary('Relu6', (dy, x) => tf.mul(dy, tf.mul(tf.step(x), tf.step(tf.sub(6, x))))),
  // step is 0 at 0
  unary('Relu', (dy, x) => tf.mul(dy, tf.step(x))),
];
