import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideAndConquer } from '../../../src/ops/linalg/divide.js';
import { matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/matrix.js';
import { vectorsOf, zerosOf } from '../../../src/ops/linalg/secular.js';
import { numbers } from '../arbitrary.js';
import { diagonal, expectClose, expectOrthonormalColumns, mapped, random } from './matrices.js';

const tridiagonalOf = (d: ArrayLike<number>, e: ArrayLike<number>): Matrix =>
  mapped(random(0, d.length, d.length), (_, i, j) =>
    i === j ? (d[i] as number) : Math.abs(i - j) === 1 ? (e[Math.min(i, j)] as number) : 0,
  );

const expectSolved = (d: Float64Array, e: Float64Array, count = d.length): void => {
  const n = d.length;
  const before = [d.slice(), e.slice()];
  const { values, Z } = divideAndConquer(d, e, count);
  expect([d, e]).toEqual(before);
  const order = [...values.keys()].toSorted((i, j) => (values[j] as number) - (values[i] as number)).slice(0, count);
  const V = matrix(count, n, Float64Array.from(order.flatMap((i) => [...Z.subarray(i * n, i * n + n)])));
  expectOrthonormalColumns(transposed(V), 1e-14);
  const found = diagonal(order.map((i) => values[i] as number));
  const [AV, VD] = [multiply(V, tridiagonalOf(d, e)), multiply(found, V)];
  // in parts of T's size, which is at most 3
  expect(AV.data).toBeAllClose(VD.data, { rtol: 0, atol: 1e-14 });
};

const sequence = (n: number, f: (i: number) => number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => f(i));

/** W21+ of Wilkinson, scaled to 1: pairs of eigenvalues that agree to 15 digits. */
const wilkinson = (i: number): number => Math.abs((i % 21) - 10) / 10;

const kinds: ReadonlyArray<readonly [string, (n: number) => readonly [Float64Array, Float64Array]]> = [
  ['random', (n) => [Float64Array.from(numbers(1, n)), Float64Array.from(numbers(2, n))]],
  ['second differences', (n) => [sequence(n, () => 1), sequence(n, () => -0.5)]],
  ['glued, with pairs that agree', (n) => [sequence(n, wilkinson), sequence(n, (i) => (i % 21 === 20 ? 1e-12 : 0.1))]],
  ['in parts', (n) => [Float64Array.from(numbers(3, n)), sequence(n, (i) => (i % 3 === 0 ? 0 : 1))]],
  ['diagonal', (n) => [Float64Array.from(numbers(4, n)), sequence(n, () => 0)]],
  ['zero', (n) => [sequence(n, () => 0), sequence(n, () => 0)]],
  ['graded', (n) => [sequence(n, (i) => 2 ** -i), sequence(n, (i) => 2 ** -(i + 1))]],
  ['graded the other way', (n) => [sequence(n, (i) => 2 ** (i - n)), sequence(n, (i) => 2 ** (i - n))]],
  ['of one value and tiny others', (n) => [sequence(n, (i) => (i === 5 ? 1 : 0)), sequence(n, () => 1e-200)]],
  ['of equal values', (n) => [sequence(n, () => 1), sequence(n, (i) => (i % 2 === 0 ? 1e-9 : 1e-17))]],
];

describe('divideAndConquer', () => {
  describe.each(kinds)('of a matrix that is %s', (_, of) => {
    it.each([1, 2, 32, 33, 67, 130])('solves %i rows', (n) => expectSolved(...of(n)));
    it('finds the largest alone', () => expectSolved(...of(90), 7));
  });

  it('has the eigenvalues of second differences', () => {
    const n = 200;
    const { values } = divideAndConquer(
      sequence(n, () => 1),
      sequence(n, () => -0.5),
      n,
    );
    const known = sequence(n, (k) => 1 - Math.cos((Math.PI * (k + 1)) / (n + 1)));
    expect(values.toSorted()).toBeAllClose(known, { rtol: 0, atol: 4e-15 });
  });

  it('leaves out vectors that are not asked for', () => {
    const n = 90;
    const [d, e] = [Float64Array.from(numbers(1, n)), Float64Array.from(numbers(2, n))];
    const [all, some] = [divideAndConquer(d, e, n), divideAndConquer(d, e, 7)];
    expect(some.values).toEqual(all.values);
    const zeros = [...some.values.keys()].filter((i) => some.Z.subarray(i * n, i * n + n).every((x) => x === 0));
    expect(zeros.length).toBeGreaterThan(40);
  });

  it('solves any', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 33, max: 80 }),
        fc.integer(),
        fc.array(fc.constantFrom(0, 1, 1, 1e-5, 1e-12, 1e-16, 1e-30, 1e-160), { minLength: 1, maxLength: 9 }),
        (n, seed, sizes) => {
          const scaled = (x: number, i: number): number => x * (sizes[i % sizes.length] as number);
          expectSolved(Float64Array.from(numbers(seed, n), scaled), Float64Array.from(numbers(seed + 1, n), scaled));
        },
      ),
      { numRuns: 60 },
    ));
});

describe('zerosOf', () => {
  it.each([1, 2, 5, 40])('finds eigenvalues between the %i poles, and orthogonal vectors', (n) => {
    for (const [gap, rho] of [
      [0.1, 0.5],
      [1e-13, 1],
      [1, 1e-8],
    ] as const) {
      const d = sequence(n, (i) => gap * i * i + i * gap);
      const z = Float64Array.from(numbers(7, n), (x) => x + Math.sign(x) * 1e-3);
      const U = new Float64Array(n * n);
      const zeros = zerosOf({ d, z, rho }, U);
      vectorsOf(zeros, U, 0, sequence(n, (i) => i) as unknown as Int32Array);
      const V = transposed(matrix(n, n, U));
      expectOrthonormalColumns(V, 1e-14);
      zeros.values.forEach((x, i) => {
        expect(x).toBeGreaterThanOrEqual(d[i] as number);
        expect(x).toBeLessThanOrEqual(d[i + 1] ?? Infinity);
      });
      const A = mapped(
        random(0, n, n),
        (_, i, j) => (i === j ? (d[i] as number) : 0) + rho * (z[i] as number) * (z[j] as number),
      );
      expectClose(multiply(A, V), multiply(V, diagonal(zeros.values)), 1e-14);
    }
  });
});
