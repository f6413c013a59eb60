/**
 * Logarithms of softmax, made of operations with exact second-order gradients.
 */
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/**
 * `log sum_j exp(x[..., j])`, as [..., 1]; it does not overflow.
 *
 * As `max x - log max softmax(x)`, since the largest probability is exp(0) by the sum of exp(x - max x): the Softmax kernel is
 * ten times faster than Exp on wasm, and it is the gradient as well.
 */
export const logSumExp = (x: Tensor): Tensor =>
  tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [Tensor, (tensors: Tensor[]) => void];
    save([logits]);
    return {
      value: tf.sub(tf.max(logits, -1, true), tf.log(tf.max(tf.softmax(logits), -1, true))),
      gradFunc: (dy, saved) => tf.mul(dy as Tensor, tf.softmax((saved as Tensor[])[0] as Tensor)),
    };
  })(x);

/** `log softmax(x)` over the last axis: `x - logSumExp(x)`. */
export const logSoftmax = (x: Tensor): Tensor => tf.sub(x, logSumExp(x));
