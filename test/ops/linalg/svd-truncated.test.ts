import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numTensors } from '../../../src/ops/backend.js';
import { multiply, tensorOfMatrix, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { svd, type Svd } from '../../../src/ops/linalg/svd.js';
import { svdLowRank } from '../../../src/ops/linalg/svd-low-rank.js';
import { svdTruncated } from '../../../src/ops/linalg/svd-truncated.js';
import { key } from '../../../src/ops/random.js';
import { runs } from '../arbitrary.js';
import { diagonal, expectClose, expectOrthonormalColumns, mapped, random } from './matrices.js';
import { reference, storedMatrix, storedTensor } from './reference.js';

const product = ({ U, S, Vt }: Svd): Matrix => multiply(multiply(U, diagonal(S)), Vt);

/** A matrix with the given singular values. */
const withValues = (seed: number, m: number, n: number, values: ReadonlyArray<number>): Matrix =>
  multiply(
    multiply(qr(random(seed, m, values.length)).Q, diagonal(values)),
    transposed(qr(random(seed + 1, n, values.length)).Q),
  );

const frobenius = (x: Matrix): number => Math.hypot(...x.data);

describe('svdLowRank', () => {
  it.each(reference.lowRank.map((c) => [c.name, c] as const))(
    'equals torch for its random matrix: %s',
    async (_, c) => {
      const A = storedTensor(c.a);
      const f = await svdLowRank(A, storedMatrix(c.r), c.niter);
      A.dispose();
      expect(f.S).toBeAllClose(c.s.data, { rtol: 1e-5 });
      expectClose(product(f), storedMatrix(c.product), 1e-5);
      expectOrthonormalColumns(f.U, 1e-12);
      expectOrthonormalColumns(transposed(f.Vt), 1e-12);
    },
  );

  it('refuses a random matrix of another shape', async () => {
    const A = storedTensor({ shape: [3, 2], data: [1, 2, 3, 4, 5, 6] });
    await expect(svdLowRank(A, random(1, 3, 1))).rejects.toThrow(RangeError);
    await expect(svdLowRank(A, random(1, 2, 3))).rejects.toThrow(RangeError);
    A.dispose();
  });
});

describe('svdTruncated', () => {
  it('recovers a matrix of that rank, tall or wide, and leaves no tensor behind', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: 30 }),
        fc.integer({ min: 4, max: 30 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer(),
        async (m, n, r, seed) => {
          const A = withValues(seed, m, n, [4, 3, 2, 1].slice(0, r));
          const x = tensorOfMatrix(A);
          const before = numTensors();
          const f = await svdTruncated(x, r, key(1));
          expect(numTensors()).toBe(before);
          x.dispose();
          expect([f.U.rows, f.U.cols, f.S.length, f.Vt.rows, f.Vt.cols]).toEqual([m, r, r, r, n]);
          expectClose(product(f), A, 3e-6);
          expect(f.residual).toBeLessThan(2e-3);
        },
      ),
      { numRuns: runs(20) },
    ));

  it('is within its stated error where the spectrum falls slowly, and says what it leaves out', async () => {
    const [m, n, r, p] = [90, 70, 5, 10];
    const A = mapped(
      withValues(
        7,
        m,
        n,
        Array.from({ length: 60 }, (_, i) => 1 / (1 + i)),
      ),
      Math.fround,
    );
    const x = tensorOfMatrix(A);
    const exact = svd(A).S;
    for (const iterations of [0, 1, 2]) {
      const f = await svdTruncated(x, r, key(3), { oversampling: p, iterations });
      const error = mapped(A, (v, i, j) => v - (product(f).data[i * n + j] as number));
      const factor =
        (1 + Math.sqrt(r / (p - 1)) + (Math.E * Math.sqrt(r + p) * Math.sqrt(n - r)) / p) ** (1 / (2 * iterations + 1));
      expect(svd(error).S[0]).toBeLessThan(factor * (exact[r] as number));
      expect(f.residual).toBeCloseTo(frobenius(error) / frobenius(A), 3);
      if (iterations === 2) expect(f.S).toBeAllClose(exact.slice(0, r), { rtol: 1e-3 });
    }
    x.dispose();
  });

  it('leaves nothing to chance when r and the oversampling reach all columns', async () => {
    const A = mapped(random(5, 12, 9), Math.fround);
    const x = tensorOfMatrix(A);
    const f = await svdTruncated(x, 6, key(1), { oversampling: 3, iterations: 0 });
    x.dispose();
    expect(f.S).toBeAllClose(svd(A).S.slice(0, 6), { rtol: 1e-5 });
  });

  it('gives zeros for zeros', async () => {
    const x = tensorOfMatrix(mapped(random(1, 6, 5), () => 0));
    const f = await svdTruncated(x, 2, key(0));
    expect([...f.S, f.residual]).toEqual([0, 0, 0]);
    expectOrthonormalColumns(f.U);
    await expect(svdTruncated(x, 6, key(0))).rejects.toThrow(RangeError);
    x.dispose();
  });
});
