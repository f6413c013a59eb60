import { describe, inject, it } from 'vitest';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { expectGradient, gradientOf } from './finite-difference.js';

const parts = (z: Tensor): Tensor => tf.concat([tf.real(z), tf.imag(z)], -1);

const functions: ReadonlyArray<readonly [string, (a: Tensor, b: Tensor) => Tensor]> = [
  ['complex, real and imag', (a, b) => parts(tf.complex(a, b))],
  ['abs', (a, b) => tf.abs(tf.complex(a, b))],
  ['fft', (a, b) => parts(tf.fft(tf.complex(a, b)))],
  ['ifft', (a, b) => parts(tf.ifft(tf.complex(a, b)))],
  ['a product', (a, b) => parts(tf.mul(tf.fft(tf.complex(a, b)), tf.fft(tf.complex(b, a))))],
  ['rfft', (a, b) => parts(tf.mul(tf.rfft(a), tf.rfft(b)))],
  ['irfft', (a, b) => tf.irfft(tf.complex(a, b))],
];

/** The software adapter of webgpu computes sines with errors of 2e-4, which differences magnify. */
const tolerance = inject('backend') === 'webgpu' ? { rtol: 2e-2, atol: 0.1 } : { rtol: 5e-3, atol: 1e-2 };

// the wasm backend of tfjs has no complex numbers
describe.skipIf(inject('backend') === 'wasm')('gradients of Fourier transforms', () => {
  it.each(functions)('%s', (_name, f) =>
    expectGradient({
      f: (a, b) => f(a as Tensor, b as Tensor),
      shapes: [
        [2, 4],
        [2, 4],
      ],
      seed: 1,
      tolerance,
    }),
  );

  it('fft, second order', () =>
    expectGradient({
      f: gradientOf((a, b) => tf.square(parts(tf.fft(tf.complex(a as Tensor, b as Tensor))))),
      shapes: [[4], [4]],
      seed: 2,
      tolerance,
    }));
});
