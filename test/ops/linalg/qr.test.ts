import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identity, multiply } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { expectClose, expectOrthonormalColumns, mapped, matrices, random, size } from './matrices.js';
import { reference, storedMatrix } from './reference.js';

describe('qr', () => {
  it.each(reference.qr.map((c) => [c.name, c] as const))('has the signs of torch: %s', (_name, { a, q, r }) => {
    const { Q, R } = qr(storedMatrix(a));
    expectClose(Q, storedMatrix(q));
    expectClose(R, storedMatrix(r));
  });

  it('gives orthonormal Q, upper triangular R and their product, for any matrix', () =>
    fc.assert(
      fc.property(matrices, (A) => {
        const { Q, R } = qr(A);
        const k = Math.min(A.rows, A.cols);
        expect([Q.rows, Q.cols, R.rows, R.cols]).toEqual([A.rows, k, k, A.cols]);
        expectOrthonormalColumns(Q);
        expectClose(
          mapped(R, (v, i, j) => (j < i ? v : 0)),
          mapped(R, () => 0),
        );
        const scale = size(A) || 1;
        expectClose(
          multiply(
            Q,
            mapped(R, (v) => v / scale),
          ),
          mapped(A, (v) => v / scale),
        );
      }),
      { numRuns: 200 },
    ));

  it('leaves triangular matrices alone', () => {
    const { Q, R } = qr(identity(3));
    expect([...Q.data]).toEqual([...identity(3).data]);
    expect([...R.data]).toEqual([...identity(3).data]);
  });

  it('keeps orthogonality for many rows', () => {
    const A = random(1, 1000, 40);
    const { Q, R } = qr(A);
    expectOrthonormalColumns(Q);
    expectClose(multiply(Q, R), A);
  });
});
