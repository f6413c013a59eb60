import { describe, expect, it } from 'vitest';
import { torchLowRank } from '../../src/adapters/principal.js';
import { leadingOf, spectrumOf } from '../../src/adapters/updates/spectrum.js';
import { read, tensorOf } from '../../src/ops/backend.js';
import { svd, svdLowRank, type Matrix } from '../../src/ops/linalg/index.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { key, normal, split, type Key } from '../../src/ops/random.js';
import { tf } from '../../src/ops/tf.js';
import { svdLowrankTestMatrix, torchGenerator } from '../../src/ops/torch-random/index.js';

/** |a_i . b_i| of columns or rows, 1 where they are one line. */
const alignment = (a: Matrix, b: Matrix, i: number): number =>
  Math.abs(
    Array.from({ length: a.rows }, (_, row) => a.data[row * a.cols + i]! * b.data[row * b.cols + i]!).reduce(
      (x, y) => x + y,
    ),
  );

describe('leadingOf', () => {
  it('finds planted triplets of a matrix that is too large for a whole decomposition', async () => {
    const [k1, k2, k3] = split(key(3), 3);
    const [m, n] = [520, 530];
    const orthonormal = async (k: Key, rows: number): Promise<Matrix> =>
      svd({ rows, cols: 3, data: await read(normal(k, [rows, 3])) }).U;
    const [P, Q] = [await orthonormal(k1!, m), await orthonormal(k2!, n)];
    const planted = Float32Array.from(P.data, (x, i) => x * [5, 4, 3][i % 3]!);
    const signal = matMul(tensorOf(planted, [m, 3]), tensorOf(Float32Array.from(Q.data), [n, 3]), false, true);
    const W = tf.add(signal, normal(k3!, [m, n], 0, 0.001));
    const found = leadingOf(W, 3);
    [5, 4, 3].forEach((s, i) => {
      expect(found.S[i]!).toBeCloseTo(s, 2);
      expect(alignment(found.U, P, i)).toBeCloseTo(1, 3);
    });
    expect(leadingOf(W, 3)).toBe(found);
  });

  it('is the beginning of what is known, but never all of it unless that was exact', () => {
    const W = normal(key(4), [12, 8]);
    const some = leadingOf(W, 5);
    expect(leadingOf(W, 2).S).toEqual(some.S.slice(0, 2));
    const all = spectrumOf(W);
    expect(all.S).toHaveLength(8);
    expect(leadingOf(W, 8)).toBe(all);
    expect(spectrumOf(W)).toBe(all);
    expect(spectrumOf(tf.reshape(W, [8, 12]))).not.toBe(all);
    // a small matrix is decomposed as a whole, whatever is asked for
    const other = normal(key(5), [12, 8]);
    expect(leadingOf(other, 8)).toBe(spectrumOf(other));
    const large = normal(key(6), [270, 260]);
    const first = leadingOf(large, 260);
    expect(spectrumOf(large)).not.toBe(first);
    expect(leadingOf(large, 260)).toBe(spectrumOf(large));
  });
});

describe('torchLowRank', () => {
  it.each([
    [9, 6],
    [6, 9],
  ])("is svdLowRank with torch's random matrix, %i by %i", async (m, n) => {
    const W = normal(key(5), [m, n]);
    const R = { rows: 6, cols: 3, data: Float64Array.from(svdLowrankTestMatrix(torchGenerator(8), m, n, 3)) };
    const [a, b] = [torchLowRank(W, 3, 4, 8), await svdLowRank(W, R, 4)];
    expect(a.S).toEqual(b.S);
    expect(a.U).toEqual(b.U);
    expect(a.Vt).toEqual(b.Vt);
  });
});
