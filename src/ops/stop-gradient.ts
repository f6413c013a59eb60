/**
 * Constants inside differentiated functions.
 */
import { unrecorded } from './tape.js';
import type { Tensor } from './tensor.js';
import { tf } from './tf.js';

/** `x` as a constant: the same values, no gradient. */
export const stopGradient = (x: Tensor): Tensor => unrecorded(() => tf.clone(x));

/** The value of `f` as a constant: as `stopGradient(f())`, but nothing of `f` is kept for a backward pass. */
export const noGrad = (f: () => Tensor): Tensor => unrecorded(() => tf.tidy(() => tf.clone(f())));
