import { describe, expect, it } from 'vitest';
import { multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { leading, svd, type Svd } from '../../../src/ops/linalg/svd.js';
import { svdLeading } from '../../../src/ops/linalg/svd-leading.js';
import { diagonal, expectClose, expectOrthonormalColumns, random } from './matrices.js';

const product = ({ U, S, Vt }: Svd): Matrix => multiply(multiply(U, diagonal(S)), Vt);

/** A matrix with the given singular values. */
const withValues = (m: number, n: number, values: ReadonlyArray<number>): Matrix =>
  multiply(
    multiply(qr(random(1, m, values.length)).Q, diagonal(values)),
    transposed(qr(random(2, n, values.length)).Q),
  );

const falling = (count: number, by: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => by ** i);

describe('svdLeading', () => {
  it.each([
    ['tall', withValues(420, 300, falling(40, 0.8)), 3],
    ['wide', withValues(280, 500, falling(40, 0.8)), 3],
    ['small', withValues(12, 9, falling(9, 0.5)), 4],
    ['flat, where the whole decomposition is needed', random(3, 300, 260), 5],
  ])('is the beginning of the whole decomposition: %s', (_, A, r) => {
    const [found, whole] = [svdLeading(A, r), leading(svd(A), r)];
    expect(found.S).toBeAllClose(whole.S, { rtol: 1e-12 });
    expectClose(product(found), product(whole), 1e-10);
    expectOrthonormalColumns(found.U, 1e-10);
    expectOrthonormalColumns(transposed(found.Vt), 1e-10);
  });

  it.each([
    ['equal values', [4, 4, 4, ...falling(30, 0.7)], 3],
    ['one value many times', Array<number>(30).fill(2), 4],
    ['fewer values than asked for', [3, 2], 4],
    ['nothing', [0], 2],
  ])('finds every copy: %s', (_, values, r) => {
    const A = withValues(300, 290, values);
    const { S } = svdLeading(A, r);
    expect(S).toBeAllClose(
      Array.from({ length: r }, (__, i) => values[i] ?? 0),
      { rtol: 1e-10, atol: 1e-12 },
    );
  });

  it('gives the same every time, and refuses more triplets than there are', () => {
    const A = withValues(300, 300, falling(20, 0.7));
    expect(svdLeading(A, 2)).toEqual(svdLeading(A, 2));
    expect(() => svdLeading(A, 301)).toThrow(RangeError);
    expect(svdLeading(A, 0).S).toHaveLength(0);
  });
});
