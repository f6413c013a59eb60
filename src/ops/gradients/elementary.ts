/**
 * Gradients of the elementary functions: exponentials, roots, trigonometry and the sigmoids.
 */
import * as tf from '@tensorflow/tfjs-core';
import { unary, type Rule } from './rule.js';

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
  // step is 0 at 0
  unary('Relu', (dy, x) => tf.mul(dy, tf.step(x))),
];
