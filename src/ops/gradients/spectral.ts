/**
 * Gradients of complex numbers and Fourier transforms, on backends that have them (cpu, webgpu).
 *
 * The cotangent of z = a + ib is dL/da + i dL/db, for a real L.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '../tensor.js';
import { adjoint, single, unary, type Rule } from './rule.js';

const real = (a: Tensor): Tensor => tf.complex(a, tf.zerosLike(a));
const imaginary = (b: Tensor): Tensor => tf.complex(tf.zerosLike(b), b);

/** z times a real factor. */
const times = (z: Tensor, s: Tensor | number): Tensor => tf.complex(tf.mul(tf.real(z), s), tf.mul(tf.imag(z), s));

const lengthOf = (z: Tensor): number => z.shape[z.rank - 1] as number;

const complex: Rule = {
  kernelName: 'Complex',
  gradFunc: (dys) => ({ real: () => tf.real(single(dys)), imag: () => tf.imag(single(dys)) }),
};

/** Rules of the complex kernels; F is symmetric, so the adjoint of the transform is its conjugate: n times the inverse. */
export const spectral: ReadonlyArray<Rule> = [
  complex,
  adjoint('Real', real, 'input'),
  adjoint('Imag', imaginary, 'input'),
  adjoint('FFT', (dy) => times(tf.ifft(dy), lengthOf(dy)), 'input'),
  adjoint('IFFT', (dy) => times(tf.fft(dy), 1 / lengthOf(dy)), 'input'),
  // d|z| = z / |z|, and 0 at 0
  unary('ComplexAbs', (dy, z) => {
    const size = tf.abs(z);
    return times(z, tf.div(dy, tf.add(size, tf.cast(tf.equal(size, 0), 'float32'))));
  }),
];
