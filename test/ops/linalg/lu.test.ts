import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { E } from '../../../src/fp.js';
import { cholesky } from '../../../src/ops/linalg/cholesky.js';
import { hostInverse, hostSolve } from '../../../src/ops/linalg/lu.js';
import { identity, matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import type { Result } from '../../../src/problem.js';
import { diagonal, expectClose, gram, mapped, random } from './matrices.js';
import { reference, storedMatrix } from './reference.js';

const right = (r: Result<Matrix>): Matrix => {
  if (E.isLeft(r)) throw new Error(r.left[0].found);
  return r.right;
};

/** A random matrix with singular values 1 ... 1 / condition. */
const conditioned = (seed: number, n: number, condition: number): Matrix =>
  multiply(
    multiply(
      qr(random(seed, n, n)).Q,
      diagonal(Array.from({ length: n }, (_, i) => condition ** (-i / Math.max(1, n - 1)))),
    ),
    qr(random(seed + 1, n, n)).Q,
  );

const sizes = fc.integer({ min: 1, max: 10 });
const conditions = fc.constantFrom(1, 10, 1e4, 1e8);

describe('hostSolve and hostInverse', () => {
  it('agree with torch', () => {
    for (const { a, b, x, inverse } of reference.solve) {
      expectClose(right(hostSolve(storedMatrix(a), storedMatrix(b))), storedMatrix(x));
      expectClose(right(hostInverse(storedMatrix(a))), storedMatrix(inverse));
    }
  });

  it('solve to the accuracy that the condition allows', () =>
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 4 }), conditions, fc.integer(), (n, k, condition, seed) => {
        const A = conditioned(seed, n, condition);
        const X = random(seed + 2, n, k);
        expectClose(right(hostSolve(A, multiply(A, X))), X, 1e-14 * n * condition);
        expectClose(multiply(A, right(hostInverse(A))), identity(n), 1e-14 * n * condition);
      }),
    ));

  it('solve more equations than are eliminated together', () => {
    for (const n of [31, 32, 33, 70, 129]) {
      const [A, X] = [random(n, n, n), random(n + 1, n, 3)];
      expectClose(right(hostSolve(A, multiply(A, X))), X, 1e-10);
      expectClose(multiply(A, right(hostInverse(A))), identity(n), 1e-10);
    }
    const lowRank = multiply(random(1, 70, 69), random(2, 69, 70));
    // the last pivot is rounding, and what was eliminated exactly is zero
    const zero = mapped(lowRank, (x, i) => (i === 40 ? 0 : x));
    expect(E.isLeft(hostInverse(zero))).toBe(true);
  });

  it('exchange rows where a pivot is zero or tiny', () => {
    const A = matrix(3, 3, Float64Array.of(0, 2, 1, 1e-20, 1, 1, 4, 0, 0));
    expectClose(multiply(A, right(hostInverse(A))), identity(3));
    expectClose(multiply(A, right(hostSolve(A, identity(3)))), identity(3));
  });

  it('say where a singular matrix fails', () => {
    const A = matrix(2, 2, Float64Array.of(1, 2, 2, 4));
    for (const r of [hostInverse(A), hostSolve(A, identity(2))]) {
      expect(E.isLeft(r) && r.left[0].found).toBe('pivot 1 is zero');
    }
  });

  it('take empty systems and refuse wrong shapes', () => {
    expect(right(hostInverse(identity(0))).data.length).toBe(0);
    expect(() => hostInverse(random(1, 2, 3))).toThrow(RangeError);
    expect(() => hostSolve(random(1, 2, 3), identity(2))).toThrow(RangeError);
    expect(() => hostSolve(identity(2), identity(3))).toThrow(RangeError);
  });
});

describe('cholesky', () => {
  it('gives a lower triangular factor', () =>
    fc.assert(
      fc.property(sizes, fc.integer(), (n, seed) => {
        const A = mapped(gram(random(seed, n, n)), (v, i, j) => v + (i === j ? 0.1 : 0));
        const L = right(cholesky(A));
        expectClose(multiply(L, transposed(L)), A);
        L.data.forEach((x, k) => expect(k % n > Math.floor(k / n) ? x === 0 : x !== undefined).toBe(true));
        expect(L.data.filter((_, k) => k % (n + 1) === 0).every((x) => x > 0)).toBe(true);
      }),
    ));

  it('refuses what is not positive definite', () => {
    expect(E.isLeft(cholesky(diagonal([1, -1])))).toBe(true);
    expect(E.isLeft(cholesky(diagonal([1, 0])))).toBe(true);
    expect(E.isLeft(cholesky(diagonal([1, NaN])))).toBe(true);
    expect(() => cholesky(random(1, 2, 3))).toThrow(RangeError);
  });
});
