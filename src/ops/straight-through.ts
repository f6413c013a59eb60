/**
 * Values that gradients do not see changing.
 */
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/**
 * f(x) with the gradient of x itself, `dx = dy` (the straight-through estimator): for projections onto a constraint.
 *
 * @param f keeps the shape of x
 */
export const straightThrough = (x: Tensor, f: (x: Tensor) => Tensor): Tensor =>
  tf.customGrad((...args) => ({
    value: f(args[0] as Tensor),
    gradFunc: (dy) => tf.clone(dy as Tensor),
  }))(x);
