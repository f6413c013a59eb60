import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matrix, multiply, transposed } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { spectralNorm } from '../../../src/ops/linalg/spectral-norm.js';
import { svd } from '../../../src/ops/linalg/svd.js';
import { diagonal, mapped, matrices, random } from './matrices.js';

describe('spectralNorm', () => {
  it('is the largest singular value of small matrices', () =>
    fc.assert(
      fc.property(matrices, (A) => {
        expect(spectralNorm(A)).toBe(svd(A).S[0] ?? 0);
      }),
    ));

  it('is the largest singular value of larger ones', () => {
    for (const [m, n] of [
      [60, 80],
      [80, 60],
      [50, 50],
    ] as const) {
      const A = random(m, m, n);
      expect(spectralNorm(A) / (svd(A).S[0] as number)).toBeCloseTo(1, 12);
    }
  });

  it('finds it where the next ones are close, equal or far, and where ranks end', () => {
    const [Q, P] = [qr(random(1, 60, 60)).Q, qr(random(2, 60, 60)).Q];
    const tops = [[1, 1 - 1e-6], [1, 1, 1], [1, 1e-9], [1]];
    for (const top of tops) {
      for (const rest of [0, 0.5]) {
        const D = diagonal(Array.from({ length: 60 }, (_, i) => top[i] ?? rest));
        expect(spectralNorm(multiply(multiply(Q, D), transposed(P)))).toBeCloseTo(1, 11);
      }
    }
  });

  it('scales, and ends for zeros and NaN', () => {
    const A = random(3, 40, 40);
    expect(spectralNorm(mapped(A, (v) => v * 2 ** 600))).toBe(spectralNorm(A) * 2 ** 600);
    expect(spectralNorm(matrix(40, 40, new Float64Array(1600)))).toBe(0);
    expect(spectralNorm(mapped(A, (v, i) => (i === 5 ? NaN : v)))).toBeNaN();
  });
});
