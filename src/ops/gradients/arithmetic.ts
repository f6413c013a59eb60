/**
 * Gradients of sums, products, quotients, powers and the larger or smaller of two.
 */
import * as tf from '@tensorflow/tfjs-core';
import { alias } from '../reshape.js';
import type { Tensor } from '../tensor.js';
import { adjoint, binary, unary, variadic, type Rule } from './rule.js';

/** 1 where `p`, 1/2 where a = b, 0 elsewhere: ties share the gradient, as in torch and JAX. */
const share = (p: Tensor, a: Tensor, b: Tensor): Tensor =>
  tf.add(tf.cast(p, 'float32'), tf.mul(tf.cast(tf.equal(a, b), 'float32'), 0.5));

/** `x` where the mask is 1, `other` where it is 0; for finite x. */
const choose = (mask: Tensor, x: Tensor, other: number): Tensor =>
  tf.add(tf.mul(x, mask), tf.mul(tf.sub(1, mask), other));

/** The conjugate of complex numbers, and real ones as they are. */
const conjugate = (x: Tensor): Tensor => (x.dtype === 'complex64' ? tf.complex(tf.real(x), tf.neg(tf.imag(x))) : x);

/** b a^(b-1), and 0 for b = 0 also where a = 0. */
const powBase = (dy: Tensor, a: Tensor, b: Tensor): Tensor => {
  const isZero = tf.cast(tf.equal(b, 0), 'float32');
  return tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(tf.add(b, isZero), 1))));
};

/** a^b log a, and 0 where a <= 0. */
const powExponent = (dy: Tensor, a: Tensor, b: Tensor): Tensor => {
  const positive = tf.cast(tf.greater(a, 0), 'float32');
  return tf.mul(dy, tf.mul(tf.pow(a, b), tf.log(choose(positive, a, 1))));
};

/** Rules of the arithmetic kernels; operands broadcast. */
export const arithmetic: ReadonlyArray<Rule> = [
  binary(
    'Add',
    (dy) => dy,
    (dy) => dy,
    { a: [], b: [] },
  ),
  binary(
    'Sub',
    (dy) => dy,
    (dy) => tf.neg(dy),
    { a: [], b: [] },
  ),
  binary(
    'Multiply',
    (dy, _a, b) => tf.mul(dy, conjugate(b)),
    (dy, a) => tf.mul(dy, conjugate(a)),
    { a: ['b'], b: ['a'] },
  ),
  binary(
    'RealDiv',
    (dy, _a, b) => tf.div(dy, b),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b))),
    { a: ['b'], b: ['a', 'b'] },
  ),
  binary('Pow', powBase, powExponent),
  binary(
    'Mod',
    (dy) => dy,
    (dy, a, b) => tf.neg(tf.mul(dy, tf.floor(tf.div(a, b)))),
    { a: [], b: ['a', 'b'] },
  ),
  binary(
    'Atan2',
    (dy, a, b) => tf.div(tf.mul(dy, b), tf.add(tf.square(a), tf.square(b))),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.add(tf.square(a), tf.square(b)))),
  ),
  binary(
    'SquaredDifference',
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ),
  binary(
    'Maximum',
    (dy, a, b) => tf.mul(dy, share(tf.greater(a, b), a, b)),
    (dy, a, b) => tf.mul(dy, share(tf.less(a, b), a, b)),
  ),
  binary(
    'Minimum',
    (dy, a, b) => tf.mul(dy, share(tf.less(a, b), a, b)),
    (dy, a, b) => tf.mul(dy, share(tf.greater(a, b), a, b)),
  ),
  variadic('AddN', alias),
  adjoint('Neg', (dy) => tf.neg(dy)),
  unary('Square', (dy, x) => tf.mul(dy, tf.mul(x, 2))),
  unary('Reciprocal', (dy, x) => tf.neg(tf.div(dy, tf.square(x)))),
  unary('Abs', (dy, x) => tf.mul(dy, tf.sign(x))),
  unary<{ readonly clipValueMin: number; readonly clipValueMax: number }>('ClipByValue', (dy, x, attrs) => {
    const inside = tf.logicalAnd(tf.greaterEqual(x, attrs.clipValueMin), tf.lessEqual(x, attrs.clipValueMax));
    return tf.mul(dy, tf.cast(inside, 'float32'));
  }),
];
