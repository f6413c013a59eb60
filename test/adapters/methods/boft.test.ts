import { describe, expect, it } from 'vitest';
import { decodeAdapter } from '../../../src/adapters/decode.js';
import { boft } from '../../../src/adapters/methods/boft.js';
import { E } from '../../../src/fp.js';
import { read, tensorOf } from '../../../src/ops/backend.js';
import { encodeFloats } from '../../../src/ops/dtype.js';
import { hostInverse, identity, matrix, multiply, transposed, type Matrix } from '../../../src/ops/linalg/index.js';
import { key, normalValues } from '../../../src/ops/random.js';
import { convOf, linearOf, mergedBy, modelOf, problemsOf } from './trial.js';

const spec = modelOf(linearOf('a', 6, 12));
const on = { target_modules: ['a'] };

/** Block permutations of 16 inputs in blocks of 4, as PEFT's `block_butterfly_perm` gives them for three factors. */
const permutations = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15],
  [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15],
];

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error('expected a value');
  return result.right;
};

const entries = (rows: number, cols: number, f: (i: number, j: number) => number): Matrix =>
  matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, (_, at) => f(Math.floor(at / cols), at % cols)),
  );

/** P blockdiag((I - S) (I + S)^-1) P^T with S = (R - R^T) / 2 and P[row, perm[row]] = 1. */
const factor = (R: ReadonlyArray<Matrix>, perm: ReadonlyArray<number>): Matrix => {
  const blocks = R.map((A) => {
    const S = (i: number, j: number): number => (A.data[i * 4 + j]! - A.data[j * 4 + i]!) / 2;
    const plus = entries(4, 4, (i, j) => (i === j ? 1 : 0) + S(i, j));
    const minus = entries(4, 4, (i, j) => (i === j ? 1 : 0) - S(i, j));
    return multiply(minus, right(hostInverse(plus)));
  });
  const D = entries(16, 16, (i, j) =>
    Math.floor(i / 4) === Math.floor(j / 4) ? blocks[Math.floor(i / 4)]!.data[(i % 4) * 4 + (j % 4)]! : 0,
  );
  const P = entries(16, 16, (i, j) => (perm[i] === j ? 1 : 0));
  return multiply(multiply(P, D), transposed(P));
};

describe('BOFT', () => {
  it.each([
    [{ boft_block_num: 2 }, 'one of boft_block_size and boft_block_num'],
    [{ boft_block_size: 0 }, 'one of boft_block_size and boft_block_num'],
    [{ boft_block_size: 5 }, 'a divisor of the 12 inputs'],
    [{ boft_block_size: 0, boft_block_num: 7 }, 'a divisor of the 12 inputs'],
    [{ boft_n_butterfly_factor: 0 }, 'greater than 0'],
    [{ boft_block_size: 4, boft_n_butterfly_factor: 2 }, 'a multiple of 2'],
    [{ boft_block_size: 2, boft_n_butterfly_factor: 3 }, 'a multiple of 4'],
    [{ boft_block_size: 3, boft_n_butterfly_factor: 2 }, 'an even size'],
    [{ layers_pattern: 'h' }, 'layers_to_transform beside layers_pattern'],
  ])('refuses %j', (config, why) => expect(problemsOf(boft, { ...on, ...config }, spec)).toContain(why));

  it('refuses blocks that do not divide a filter', () =>
    expect(problemsOf(boft, { ...on, boft_block_size: 4 }, modelOf(convOf('a', 4, 5, 3)))).toContain('45 inputs'));

  it('is s W (M_3 M_2 M_1)^T, with as many factors as the file holds', async () => {
    const model = modelOf(linearOf('a', 3, 16));
    const [r, s, w] = [normalValues(key(1), 3 * 4 * 16), normalValues(key(2), 3), normalValues(key(3), 48)];
    const raw = (shape: ReadonlyArray<number>, values: Float32Array) => ({
      dtype: 'F32' as const,
      shape,
      bytes: encodeFloats('F32', values),
    });
    const tensors = new Map([
      ['base_model.model.a.boft_R', raw([3, 4, 4, 4], r)],
      ['base_model.model.a.boft_s', raw([3, 1], s)],
    ]);
    const { adapter } = right(decodeAdapter({ config: { peft_type: 'BOFT', ...on }, tensors }, model));
    const merged = mergedBy(adapter, { 'a.weight': tensorOf(w, [3, 16]), 'a.bias': tensorOf(s, [3]) });
    const M = permutations.reduce((product, perm, i) => {
      const R = Array.from({ length: 4 }, (_, b) => matrix(4, 4, r.slice((i * 4 + b) * 16, (i * 4 + b + 1) * 16)));
      return multiply(factor(R, perm), product);
    }, identity(16));
    const expected = multiply(matrix(3, 16, w), transposed(M)).data.map((v, i) => v * s[Math.floor(i / 16)]!);
    expect(await read(merged['a.weight']!)).toBeAllClose(expected, { atol: 1e-5 });
  });
});
