import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, withRoom } from '../../../src/ops/kernels/linalg.js';
import { eigenvectors, eigenvectorsRoom, eigh } from '../../../src/ops/linalg/eigh.js';
import { identity, matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { diagonal, expectClose, expectOrthonormalColumns, gram, mapped, matrices, random, size } from './matrices.js';
import { reference, storedMatrix } from './reference.js';

const rebuilt = (V: Matrix, w: Float64Array, scale: number): Matrix =>
  multiply(
    mapped(V, (v, _, j) => (v * (w[j] as number)) / scale),
    transposed(V),
  );

const expectEigh = (A: Matrix): void => {
  const { w, V } = eigh(A);
  expectOrthonormalColumns(V);
  w.forEach((x, i) => expect(x).toBeGreaterThanOrEqual(w[i - 1] ?? -Infinity));
  const scale = size(A) || 1;
  expectClose(
    rebuilt(V, w, scale),
    mapped(A, (v) => v / scale),
    3e-13,
  );
};

describe('eigh', () => {
  it.each(reference.eigh.map((c) => [c.name, c] as const))('has eigenvalues of torch: %s', (_name, { a, w }) => {
    expect(eigh(storedMatrix(a)).w).toBeAllClose(w.data, { rtol: 1e-13, atol: 1e-15 });
  });

  it('diagonalises any symmetric matrix', () =>
    fc.assert(
      fc.property(matrices, fc.boolean(), (X, definite) => {
        const scale = size(X) || 1;
        const unit = mapped(X, (v) => v / scale);
        const n = Math.min(X.rows, X.cols);
        const at = (i: number, j: number): number => unit.data[i * X.cols + j] as number;
        expectEigh(definite ? gram(unit) : mapped(random(0, n, n), (_, i, j) => (at(i, j) + at(j, i)) * scale));
      }),
      { numRuns: 200 },
    ));

  it('reads the lower triangle only', () => {
    const A = random(1, 5, 5);
    const lower = mapped(A, (v, i, j) => (j > i ? NaN : v));
    const symmetric = mapped(A, (v, i, j) => (j > i ? (A.data[j * 5 + i] as number) : v));
    expect([...eigh(lower).w]).toEqual([...eigh(symmetric).w]);
  });

  it('handles diagonal, repeated and empty ones', () => {
    expect([...eigh(diagonal([3, -1, 2])).w]).toEqual([-1, 2, 3]);
    expectEigh(mapped(random(1, 6, 6), () => 1));
    expectEigh(identity(4));
    expect(eigh(identity(0)).w.length).toBe(0);
    expect([...eigh(identity(1)).V.data]).toEqual([1]);
  });

  it('is accurate for a hundred rows, and finds eigenvalues that are known', () => {
    const n = 100;
    // Second differences: 2 - 2 cos(pi k / (n + 1)).
    const A = mapped(random(1, n, n), (_, i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
    const { w, V } = eigh(A);
    expect(w).toBeAllClose(
      Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos((Math.PI * (k + 1)) / (n + 1))),
      { rtol: 0, atol: 1e-14 },
    );
    expectOrthonormalColumns(V, 2e-14);
    expectEigh(gram(random(2, n, n)));
  });

  it.each([63, 64, 65, 66, 129, 200])('is accurate for %i rows', (n) => {
    for (const A of [gram(random(3, n, n)), gram(random(4, 5, n)), mapped(random(5, n, n), () => 1)]) expectEigh(A);
    const lower = random(6, n, n);
    expectEigh(mapped(lower, (v, i, j) => (i < j ? (lower.data[j * n + i] as number) : v)));
  });

  it('gives vectors of the largest eigenvalues alone', () => {
    const [n, count] = [140, 9];
    const A = gram(random(7, n, n));
    const { w, V } = eigh(A);
    withRoom(n * n + eigenvectorsRoom(n, count), () => {
      const a = numbers(n * n);
      a.set(A.data);
      const some = eigenvectors(a, n, count);
      expect(some.values).toEqual(w);
      const last = transposed(V).data.slice((n - count) * n);
      expect(some.vectors).toBeAllClose(last, { rtol: 0, atol: 1e-14 });
    });
  });

  it('ends with NaN for NaN, and throws for what is not square', () => {
    expect(eigh(matrix(2, 2, Float64Array.of(1, 0, NaN, 1))).w.some(Number.isNaN)).toBe(true);
    expect(() => eigh(random(1, 2, 3))).toThrow(RangeError);
  });
});
