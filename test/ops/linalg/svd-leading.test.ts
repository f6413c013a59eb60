import { describe, expect, it } from 'vitest';
import { multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { qr } from '../../../src/ops/linalg/qr.js';
import { leading, svd, type Svd } from '../../../src/ops/linalg/svd.js';
import { svdGram } from '../../../src/ops/linalg/svd-gram.js';
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
    ['more triplets than are worth iterating for', withValues(300, 290, falling(200, 0.97)), 120],
    ['the same, wide', withValues(290, 300, falling(200, 0.97)), 120],
    ['the same, with values that squares lose', withValues(300, 290, falling(200, 0.9)), 150],
    ['flat', random(3, 300, 260), 5],
    ['flat, of float32', { ...random(4, 320, 260), data: Float32Array.from(random(4, 320, 260).data) }, 7],
  ])('is the beginning of the whole decomposition: %s', (_, A, r) => {
    const [found, all] = [svdLeading(A, r), svd(A)];
    const whole = leading(all, r);
    expect(found.S).toBeAllClose(whole.S, { rtol: 1e-12 });
    const gap = ((all.S[r - 1] as number) - (all.S[r] as number)) / (all.S[0] as number);
    expectClose(product(found), product(whole), 1e-12 + (10 * found.residual) / gap);
    expectOrthonormalColumns(found.U, 1e-10);
    expectOrthonormalColumns(transposed(found.Vt), 1e-10);
  });

  it('takes half of a decomposition where that is good enough, and says what it loses', () => {
    const A = withValues(300, 290, falling(200, 0.97));
    const half = svdGram(A, 120);
    expect(svdLeading(A, 120).residual).toBe(half.residual);
    expect(half.residual).toBeGreaterThan(0);
    expect(half.residual).toBeLessThan(1e-12);
    expectOrthonormalColumns(transposed(half.Vt));
    const steep = withValues(300, 290, falling(200, 0.9));
    expect(svdLeading(steep, 150).residual).toBe(0);
  });

  it('says how well its triplets solve A v = s u and A^T u = s v', () => {
    const A = random(5, 330, 270);
    const { U, S, Vt, residual } = svdLeading(A, 6);
    const off = (X: Matrix, Y: Matrix, j: number): number => {
      let square = 0;
      for (let i = 0; i < X.rows; i++) {
        const expected = (S[j] as number) * (Y.data[i * 6 + j] as number);
        square += ((X.data[i * 6 + j] as number) - expected) ** 2;
      }
      return Math.sqrt(square) / (S[0] as number);
    };
    const V = transposed(Vt);
    const [right, left] = [multiply(A, V), multiply(transposed(A), U)];
    const errors = Array.from(S, (_, j) => off(left, V, j));
    expect(residual).toBeGreaterThan(0);
    expect(residual).toBeLessThanOrEqual(1e-10);
    expect(Math.max(...errors)).toBeCloseTo(residual, 14);
    S.forEach((_, j) => expect(off(right, U, j)).toBeLessThan(1e-14));
  });

  it.each([
    ['equal values', [4, 4, 4, ...falling(30, 0.7)], 3],
    ['one value many times', Array<number>(30).fill(2), 4],
    ['values that squares lose', [1, 1e-5, 1e-7], 3],
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

  it('iterates where the matrix is large', () => {
    const [A, r] = [withValues(1200, 1180, falling(40, 0.8)), 2];
    const found = svdLeading(A, r);
    expect(found.S).toBeAllClose(falling(r, 0.8), { rtol: 1e-12 });
    expect(found.residual).not.toBe(svdGram(A, r).residual);
    expectOrthonormalColumns(found.U);
    expectClose(multiply(A, transposed(found.Vt)), multiply(found.U, diagonal(found.S)), 1e-13);
    expectClose(multiply(transposed(A), found.U), multiply(transposed(found.Vt), diagonal(found.S)), 1e-10);
  });

  it('takes half of a decomposition after as long as that takes', () => {
    const A = random(6, 1200, 1180);
    const half = svdGram(A, 3);
    expect(svdLeading(A, 3)).toEqual(half);
    expect(half.residual).toBeLessThan(1e-14);
  });

  it('gives the same every time, and refuses more triplets than there are', () => {
    const A = withValues(300, 300, falling(20, 0.7));
    expect(svdLeading(A, 2)).toEqual(svdLeading(A, 2));
    expect(() => svdLeading(A, 301)).toThrow(RangeError);
    expect(svdLeading(A, 0).S).toHaveLength(0);
  });
});
