/**
 * The sigmoid linear unit as one operation, with gradients of every order.
 *
 * Composed of tfjs's operations, a gradient takes seven passes over memory; backends that have the kernels Silu and SiluGrad
 * take one.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import type { Tensor } from './tensor.js';

/** silu(x) = x sigmoid(x) (Elfwing et al., arXiv 1702.03118). */
export const silu = (x: Tensor): Tensor =>
  hasKernel('Silu') ? tf.engine().runKernel('Silu', { x }) : tf.mul(x, tf.sigmoid(x));

/** dy silu'(x), with silu'(x) = s (1 + x (1 - s)) and s = sigmoid(x). */
const siluGrad = (dy: Tensor, x: Tensor): Tensor => {
  if (hasKernel('SiluGrad')) return tf.engine().runKernel('SiluGrad', { dy, x });
  const s = tf.sigmoid(x);
  return tf.mul(dy, tf.mul(s, tf.add(tf.mul(x, tf.sub(1, s)), 1)));
};

/** silu''(x) = s (1 - s) (2 + x (1 - 2 s)). */
const secondSlope = (x: Tensor): Tensor => {
  const s = tf.sigmoid(x);
  return tf.mul(tf.mul(s, tf.sub(1, s)), tf.add(tf.mul(x, tf.sub(1, tf.mul(s, 2))), 2));
};

/** Rules of the kernels Silu and SiluGrad. */
export const siluRules: ReadonlyArray<Rule> = [
  {
    kernelName: 'Silu',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => siluGrad(single(dy), x as Tensor) }),
  },
  {
    kernelName: 'SiluGrad',
    inputsToSave: ['dy', 'x'],
    gradFunc: (v, saved) => {
      const [dy, x] = saved as [Tensor, Tensor];
      return {
        dy: () => siluGrad(single(v), x),
        x: () => tf.mul(tf.mul(single(v), dy), secondSlope(x)),
      };
    },
  },
];
