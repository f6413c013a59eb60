/** LAPACK of the system, where this machine has one, against Weft's own decompositions. */
import { afterEach, describe, expect, it } from 'vitest';
import { E } from '../../../src/fp.js';
import { eigh } from '../../../src/ops/linalg/eigh.js';
import { hostInverse, hostSolve } from '../../../src/ops/linalg/lu.js';
import { matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { useNativeLinalg, type NativeLinalg } from '../../../src/ops/linalg/native.js';
import { addProduct } from '../../../src/ops/linalg/product.js';
import { svd } from '../../../src/ops/linalg/svd.js';
import { svdLeading } from '../../../src/ops/linalg/svd-leading.js';
import { nativeLinalg } from '../../../src/ops/native/lapack.js';
import { openBlas } from '../../../src/ops/native/openblas.js';
import { fail } from '../../../src/problem.js';
import { problemsOf, right } from '../../setup/result.js';
import { diagonal, expectClose, expectOrthonormalColumns, random } from '../linalg/matrices.js';

const found = await nativeLinalg();

afterEach(() => useNativeLinalg(undefined));

/** What was called, with the library's own results. */
const counting = (library: NativeLinalg) => {
  const calls = { svd: 0, eigh: 0, solve: 0, addProduct: 0 };
  const counted: NativeLinalg = {
    svd: (A) => (calls.svd++, library.svd(A)),
    eigh: (A) => (calls.eigh++, library.eigh(A)),
    solve: (...args) => (calls.solve++, library.solve(...args)),
    addProduct: (...args) => (calls.addProduct++, library.addProduct(...args)),
  };
  return { calls, counted };
};

describe.skipIf(E.isLeft(found))('LAPACK of the system', () => {
  it.each([
    [90, 70],
    [70, 90],
    [1, 5],
    [64, 64],
  ])('decomposes a matrix [%i, %i] as Weft does', (m, n) => {
    const A = random(m, m, n);
    const own = svd(A);
    const { U, S, Vt } = right(right(found).svd(A));
    expect(S).toBeAllClose(own.S, { rtol: 1e-12 });
    expectOrthonormalColumns(U);
    expectOrthonormalColumns(transposed(Vt));
    expectClose(multiply(multiply(U, diagonal(S)), Vt), A, 1e-12);
  });

  it('does the large ones once it is asked for, with the same signs', () => {
    const A = random(1, 90, 80);
    const own = svd(A);
    const { calls, counted } = counting(right(found));
    useNativeLinalg(counted);
    const { U, S, Vt } = svd(A);
    expect(calls.svd).toBe(1);
    expectClose(U, own.U, 1e-9);
    expectClose(Vt, own.Vt, 1e-9);
    expect(S).toBeAllClose(own.S, { rtol: 1e-12 });
    svd(random(2, 5, 4));
    expect(calls.svd).toBe(1);
  });

  it('finds eigenvalues from the lower triangle alone, and leaves what is not finite to others', () => {
    const n = 70;
    const A = random(3, n, n);
    const lower = matrix(
      n,
      n,
      Float64Array.from(A.data, (x, i) => (i % n > Math.floor(i / n) ? 1e9 : x)),
    );
    const own = eigh(lower);
    const { calls, counted } = counting(right(found));
    useNativeLinalg(counted);
    const { w, V } = eigh(lower);
    expect(calls.eigh).toBe(1);
    expect(w).toBeAllClose(own.w, { rtol: 1e-12, atol: 1e-12 });
    expectOrthonormalColumns(V);
    const back = multiply(multiply(V, diagonal(w)), transposed(V));
    expectClose(back, multiply(multiply(own.V, diagonal(own.w)), transposed(own.V)), 1e-12);
    expect(eigh({ ...lower, data: lower.data.map((x, i) => (i === 0 ? NaN : x)) }).w.every(Number.isNaN)).toBe(true);
    expect(calls.eigh).toBe(1);
  });

  it('solves systems, and says which pivot is zero', () => {
    const [n, cols] = [70, 90];
    const [A, B] = [random(5, n, n), random(6, n, cols)];
    const own = right(hostSolve(A, B));
    const { calls, counted } = counting(right(found));
    useNativeLinalg(counted);
    expectClose(right(hostSolve(A, B)), own, 1e-9);
    expect(calls.solve).toBe(1);
    const singular = { ...A, data: A.data.map((x, i) => (i % n === 7 ? 0 : x)) };
    expect(problemsOf(hostInverse(singular))).toMatchObject([{ found: expect.stringContaining('pivot 7') }]);
  });

  it('uses the threads that it is given, and leaves other functions theirs', async () => {
    const blas = right(await openBlas({ threads: 1 }));
    const { svd: native, addProduct: product } = right(await nativeLinalg({ threads: 1 }, 2));
    const A = random(1, 90, 80);
    expect(right(native(A)).S).toBeAllClose(svd(A).S, { rtol: 1e-12 });
    expect(blas.threads()).toBe(1);
    const block = (x: Float64Array) => ({ x, at: 0, row: 80, step: 1 });
    expect(() =>
      product(
        90,
        90,
        80,
        block(Float64Array.from(A.data)),
        block(Float64Array.from(A.data)),
        block(new Float64Array(3)),
      ),
    ).toThrow(RangeError);
    expect(blas.threads()).toBe(1);
  });

  it('multiplies parts of arrays, transposed or not, and leaves float32 to others', () => {
    const { addProduct: native } = right(found);
    const [m, k, n] = [5, 7, 3];
    for (const turned of [false, true]) {
      const [a, b, c] = [random(1, 9, 9), random(2, 9, 9), random(3, 9, 9)].map((x) => Float64Array.from(x.data));
      const left = { at: 2, row: turned ? 1 : 9, step: turned ? 9 : 1 };
      const expected = (c as Float64Array).slice();
      const blocks = (to: Float64Array) =>
        [
          { x: a as Float64Array, ...left },
          { x: b as Float64Array, at: 1, row: 9 },
          { x: to, at: 3, row: 9 },
        ] as const;
      addProduct(m, k, n, ...blocks(expected));
      expect(native(m, k, n, ...blocks(c as Float64Array))).toBe(true);
      expect(c as Float64Array).toBeAllClose(expected, { rtol: 1e-13, atol: 1e-14 });
      const [first, ...others] = blocks(c as Float64Array);
      expect(native(m, k, n, { ...first, x: Float32Array.from(first.x) }, ...others)).toBe(false);
    }
  });

  it('never reads beyond an array', () => {
    const { addProduct: native } = right(found);
    const x = new Float64Array(12);
    const whole = { x, at: 0, row: 4 };
    expect(() => native(4, 3, 4, { ...whole, step: 1 }, whole, whole)).toThrow(RangeError);
    expect(() => native(3, 3, 4, { ...whole, step: 1 }, { ...whole, at: 1 }, whole)).toThrow(RangeError);
    expect(() => native(3, 3, 4, { ...whole, step: 1 }, { ...whole, row: 3 }, whole)).toThrow(RangeError);
  });

  it('is used for leading triplets too', () => {
    const A: Matrix = { rows: 400, cols: 300, data: Float32Array.from(random(4, 400, 300).data) };
    const own = svdLeading(A, 3);
    const { calls, counted } = counting(right(found));
    useNativeLinalg(counted);
    const { S } = svdLeading(A, 3);
    expect(calls.addProduct).toBeGreaterThan(4);
    expect(S).toBeAllClose(own.S, { rtol: 1e-12 });
  });
});

describe('a library that fails', () => {
  it('leaves the decomposition to Weft', () => {
    const A = random(5, 80, 80);
    const own = svd(A);
    const symmetric = multiply(A, transposed(A));
    const [eigenvalues, inverse] = [eigh(symmetric), hostInverse(A)];
    const diverging = () => fail('LAPACK', 'convergence', 'none');
    useNativeLinalg({ svd: diverging, eigh: diverging, solve: () => undefined, addProduct: () => false });
    expect(svd(A)).toEqual(own);
    expect(eigh(symmetric)).toEqual(eigenvalues);
    expect(hostInverse(A)).toEqual(inverse);
  });

  it('is named where it cannot be opened', async () => {
    expect(problemsOf(await nativeLinalg({ path: 'libnosuchblas.so' }))).toMatchObject([{ at: 'OpenBLAS' }]);
  });
});
