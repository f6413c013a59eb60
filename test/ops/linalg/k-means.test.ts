import { describe, expect, it } from 'vitest';
import { kMeans, multiply } from '../../../src/ops/linalg/index.js';

/** Rows that no generator is needed for. */
const rows = (n: number, d: number) => ({
  rows: n,
  cols: d,
  data: Float32Array.from({ length: n * d }, (_, at) => {
    const [i, j] = [Math.floor(at / d), at % d];
    return Math.sin(1.7 * i * i + 2.3 * j + 0.5);
  }),
});

const seed = 123456789;

/** Labels of scikit-learn 1.9: `KMeans(n_clusters, init="random", n_init=1, max_iter, random_state=123456789).fit_predict(rows)`. */
const theirs: ReadonlyArray<readonly [n: number, d: number, clusters: number, iterations: number, labels: string]> = [
  [30, 3, 6, 10, '4 3 5 2 1 0 0 3 1 4 5 0 4 0 5 4 3 3 0 0 3 1 4 5 4 5 4 3 5 2'],
  [40, 2, 7, 2, '3 1 2 5 0 6 6 1 0 6 2 6 3 6 3 6 1 1 6 6 1 0 3 2 6 2 6 1 2 4 4 3 2 6 6 5 6 5 6 4'],
  [9, 4, 9, 10, '7 4 2 8 0 5 1 3 6'],
];

describe('kMeans', () => {
  it.each(theirs)('%i rows of %i numbers in %i clusters, %i steps', (n, d, clusters, iterations, labels) => {
    expect([...kMeans(rows(n, d), { clusters, iterations, seed })].join(' ')).toBe(labels);
  });

  it('gives empty clusters the farthest rows', () => {
    const X = rows(5, 2);
    const data = Float32Array.from({ length: 60 }, (_, at) => X.data[Math.floor(at / 12) * 2 + (at % 2)]!);
    const labels = kMeans({ rows: 30, cols: 2, data }, { clusters: 5, iterations: 10, seed });
    expect([...labels].join(' ')).toBe('1 1 1 1 1 1 3 3 3 3 3 3 0 0 0 0 0 0 2 2 2 2 2 2 3 3 3 3 3 3');
  });

  it('sees distances alone: turned rows have the same labels', () => {
    const [cos, sin] = [Math.cos(1), Math.sin(1)];
    const turn = { rows: 2, cols: 2, data: Float64Array.of(cos, -sin, sin, cos) };
    const options = { clusters: 4, iterations: 10, seed };
    expect(kMeans(multiply(rows(40, 2), turn), options)).toEqual(kMeans(rows(40, 2), options));
  });

  it('refuses more clusters than rows', () =>
    expect(() => kMeans(rows(3, 2), { clusters: 4, iterations: 10, seed })).toThrow(RangeError));
});
