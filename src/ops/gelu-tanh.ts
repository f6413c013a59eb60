/**
 * The approximation of GELU by tanh.
 */
import * as tf from '@tensorflow/tfjs-core';
import { compute, rulesOf, type Fused } from './fused.js';
import type { Rule } from './gradients/rule.js';
import type { Tensor } from './tensor.js';

const op: Fused<object> = {
  kernelName: 'GeluTanh',
  inputs: ['x'],
  gradients: ['x'],
  // with 1 + tanh z = 2 sigmoid(2z): sigmoid is many times faster than tanh on wasm
  composed: ([x]) => {
    const inner = tf.mul(x as Tensor, tf.add(tf.mul(tf.square(x as Tensor), 0.044715), 1));
    return tf.mul(x as Tensor, tf.sigmoid(tf.mul(inner, 2 * Math.sqrt(2 / Math.PI))));
  },
};

/** gelu(x) ~ x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel, arXiv 1606.08415). */
export const geluTanh = (x: Tensor): Tensor => compute(op, [x], {});

/** Rules of the kernels GeluTanh and GeluTanhGrad. */
export const geluTanhRules: ReadonlyArray<Rule> = rulesOf(op);
