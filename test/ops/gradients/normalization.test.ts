import { describe, it } from 'vitest';
import type { Tensor } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { expectGradient, type Case } from './finite-difference.js';

type Norm = Case['f'];

const plain: Norm = (x, m, v) => tf.batchNorm(x as Tensor, m as Tensor, v as Tensor);
const whole: Norm = (x, m, v, scale, offset) => tf.batchNorm(x as Tensor, m as Tensor, v as Tensor, offset, scale);
const scaled: Norm = (x, m, v, scale) => tf.batchNorm(x as Tensor, m as Tensor, v as Tensor, undefined, scale);
const shifted: Norm = (x, m, v, offset) => tf.batchNorm(x as Tensor, m as Tensor, v as Tensor, offset);

const cases: ReadonlyArray<readonly [string, Norm, number]> = [
  ['alone', plain, 2],
  ['with scale and offset', whole, 4],
  ['with a scale', scaled, 3],
  ['with an offset', shifted, 3],
];

describe('gradients of batchNorm', () => {
  it.each(cases)('%s', (_name, f, vectors) =>
    expectGradient({
      f,
      shapes: [[2, 2, 1, 3], ...Array.from({ length: vectors }, () => [3])],
      seed: 1,
      range: [0.5, 2],
      tolerance: { rtol: 1e-2, atol: 1e-2 },
    }),
  );
});
