import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { leading, svd, svdOfProduct, type Svd } from '../../../src/ops/linalg/svd.js';
import { diagonal, expectClose, expectOrthonormalColumns, mapped, matrices, random, size } from './matrices.js';
import { reference, storedMatrix } from './reference.js';

const product = ({ U, S, Vt }: Svd, scale = 1): Matrix =>
  multiply(
    mapped(U, (v, _, j) => (v * (S[j] as number)) / scale),
    Vt,
  );

const expectSvd = (A: Matrix, f: Svd): void => {
  const k = Math.min(A.rows, A.cols);
  expect([f.U.rows, f.U.cols, f.S.length, f.Vt.rows, f.Vt.cols]).toEqual([A.rows, k, k, k, A.cols]);
  expectOrthonormalColumns(f.U);
  expectOrthonormalColumns(transposed(f.Vt));
  f.S.forEach((s, i) => expect(s >= 0 && s <= (f.S[i - 1] ?? Infinity), `S = ${f.S.join(', ')}`).toBe(true));
  const scale = size(A) || 1;
  expectClose(
    product(f, scale),
    mapped(A, (v) => v / scale),
  );
};

describe('svd', () => {
  it.each(reference.svdvals.map((c) => [c.name, c] as const))('has singular values of torch: %s', (_name, { a, s }) => {
    expect(svd(storedMatrix(a)).S).toBeAllClose(s.data, { rtol: 1e-13, atol: 1e-15 });
  });

  it('reconstructs any matrix from orthonormal factors', () =>
    fc.assert(
      fc.property(matrices, (A) => expectSvd(A, svd(A))),
      { numRuns: 300 },
    ));

  it('is accurate to 1e-14 for a hundred columns', () => {
    const A = random(3, 120, 100);
    const f = svd(A);
    expectOrthonormalColumns(f.U, 2e-14);
    expectOrthonormalColumns(transposed(f.Vt), 2e-14);
    expectClose(product(f), A, 3e-14);
  });

  it.each([
    ['graded columns', mapped(random(5, 180, 170), (v, _, j) => v * 0.6 ** j)],
    ['graded rows, wide', mapped(random(6, 150, 200), (v, i) => v * 0.7 ** i)],
    [
      'values that fall beyond rounding',
      multiply(
        mapped(random(7, 160, 160), (v, _, j) => v * 0.5 ** j),
        random(8, 160, 160),
      ),
    ],
    [
      'few values, many times',
      multiply(qr(random(9, 140, 140)).Q, diagonal(Array.from({ length: 140 }, (_, i) => 1 + (i % 3)))),
    ],
  ])('leaves no pair of vectors askew, after several sweeps: %s', (_, A) => {
    const f = svd(A);
    expectOrthonormalColumns(f.U, 1e-13);
    expectOrthonormalColumns(transposed(f.Vt), 1e-13);
    expectClose(product(f), A, 1e-13);
  });

  it('finds those of graded columns to relative accuracy', () => {
    const D = Array.from({ length: 120 }, (_, i) => 0.5 ** i);
    expect(svd(multiply(qr(random(10, 130, 120)).Q, diagonal(D))).S).toBeAllClose(D, { rtol: 1e-13, atol: 0 });
  });

  it('finds small singular values to relative accuracy when columns are scaled', () => {
    // Q D with D = diag(1, 1e-4, ...): the singular values are D's own.
    const D = [1, 1e-4, 1e-8, 1e-12, 1e-16, 1e-20];
    const A = multiply(qr(random(4, 9, 6)).Q, diagonal(D));
    expect(svd(A).S).toBeAllClose(D, { rtol: 1e-13, atol: 0 });
  });

  it('handles zeros, repeated and single values', () => {
    expectSvd(
      mapped(random(1, 4, 3), () => 0),
      svd(matrix(4, 3, new Float64Array(12))),
    );
    expect([...svd(diagonal([2, -2, 2])).S]).toEqual([2, 2, 2]);
    const one = svd(matrix(1, 1, Float64Array.of(-3)));
    expect([one.U.data[0], one.S[0], one.Vt.data[0]]).toEqual([1, 3, -1]);
  });

  it('turns each left vector so that its largest entry is positive', () =>
    fc.assert(
      fc.property(matrices, (A) => {
        const U = transposed(svd(A).U);
        for (let i = 0; i < U.rows; i++) {
          const u = Array.from(U.data.subarray(i * U.cols, (i + 1) * U.cols));
          const max = Math.max(...u.map(Math.abs));
          expect(u.find((x) => Math.abs(x) === max)).toBeGreaterThan(0);
        }
      }),
    ));

  it('ends with NaN for NaN', () => {
    const f = svd(matrix(3, 2, Float64Array.of(1, 2, NaN, 4, 5, 6)));
    expect(f.S.some(Number.isNaN)).toBe(true);
  });

  it('takes float32 values without changing them', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    svd(matrix(2, 2, data));
    expect([...data]).toEqual([1, 2, 3, 4]);
  });
});

describe('leading', () => {
  it('keeps the first triplets: the best approximation of that rank', () => {
    const A = random(5, 8, 6);
    const f = svd(A);
    const g = leading(f, 2);
    expect([g.U.cols, g.S.length, g.Vt.rows]).toEqual([2, 2, 2]);
    const error = mapped(A, (v, i, j) => v - (product(g).data[i * 6 + j] as number));
    expect(svd(error).S[0]).toBeCloseTo(f.S[2] as number, 12);
    expect(leading(f, 99).S.length).toBe(6);
  });
});

describe('svdOfProduct', () => {
  it('equals the decomposition of the product', () =>
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9 })),
        fc.integer(),
        ([m, r, n], seed) => {
          const [B, A] = [random(seed, m, r), random(seed + 1, r, n)];
          const f = svdOfProduct(B, A);
          const k = Math.min(m, r, n);
          expect(f.S.length).toBe(k);
          expectClose(product(f), multiply(B, A));
          expect(f.S).toBeAllClose(svd(multiply(B, A)).S.slice(0, k), { rtol: 1e-10, atol: 1e-13 });
          expectOrthonormalColumns(f.U);
          expectOrthonormalColumns(transposed(f.Vt));
        },
      ),
    ));
});
