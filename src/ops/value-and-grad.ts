/**
 * Reverse-mode differentiation over records of parameters.
 *
 * Unlike `tf.valueAndGrads`, it keeps only what the backward pass reads and frees it on the way, gives zeros for parameters that
 * are not used, and can be nested.
 */
import { pullBack } from './pull-back.js';
import { recordOf, showShape, type Tensor, type Weights } from './tensor.js';
import { tf } from './tf.js';

/** A scalar value and its gradients, keyed as the parameters. */
export interface ValueAndGrad {
  readonly value: Tensor;
  readonly grads: Weights;
}

/** The cotangent 1 of a scalar. */
const one = (y: Tensor): Tensor => {
  if (y.size !== 1) throw new RangeError(`gradients are of a scalar, found shape ${showShape(y.shape)}`);
  return tf.fill(y.shape, 1);
};

/**
 * Value and gradients of a scalar function: `value = f(params)`, `grads[k] = d f(params) / d params[k]`.
 *
 * `f` receives aliases of the parameters, so two keys that hold one tensor get their own gradients. Gradients are
 * taken with respect to `params` only, in float32, and have the parameters' shapes; unused parameters get zeros.
 * Applied inside another `valueAndGrad` it gives second-order gradients, for operations whose rules allow it.
 * The caller owns `value` and `grads`; everything else that `f` makes is freed. Intermediates live until `f` ends, except for
 * those that it frees itself (`scope`), of which only what the gradients read is kept.
 *
 * @throws when `f` does not return a single number, or uses an operation without a gradient
 */
export const valueAndGrad =
  (f: (params: Weights) => Tensor) =>
  (params: Weights): ValueAndGrad =>
    tf.tidy(() => {
      const keys = Object.keys(params);
      const named = (list: ReadonlyArray<Tensor>): Weights => recordOf(keys.map((k, i) => [k, list[i] as Tensor]));
      const { ys, dxs } = pullBack(
        (xs) => [f(named(xs))],
        keys.map((k) => params[k] as Tensor),
        (results) => results.map(one),
      );
      const grads = named(dxs.map((dx, i) => dx ?? tf.fill((params[keys[i] as string] as Tensor).shape, 0)));
      return { value: ys[0], grads };
    }) as unknown as ValueAndGrad;
