/**
 * k-means clustering by Lloyd's iteration, as scikit-learn runs it.
 */
import { numpyRandomState, numpyWeightedChoice } from '../torch-random/index.js';
import { multiply, transposed, type Matrix } from './matrix.js';
import { dot } from './vectors.js';

/** Settings in scikit-learn's names. */
export interface KMeansOptions {
  readonly clusters: number;
  readonly iterations: number;
  /** Seed of numpy's `RandomState`. */
  readonly seed: number;
}

/** Rows in float64. */
interface Rows extends Matrix {
  readonly data: Float64Array;
}

/** Adds a row of x, from `from` on, to one of y. */
const addRow = (y: Float64Array, at: number, x: Float64Array, from: number, cols: number, sign: number): void => {
  for (let j = 0; j < cols; j++) y[at + j] = (y[at + j] as number) + sign * (x[from + j] as number);
};

/** The rows less their mean. */
const centred = ({ rows, cols, data }: Matrix): Rows => {
  const [means, centre] = [new Float64Array(cols), new Float64Array(rows * cols)];
  centre.set(data);
  for (let i = 0; i < rows; i++) addRow(means, 0, centre, i * cols, cols, 1 / rows);
  for (let i = 0; i < rows; i++) addRow(centre, i * cols, means, 0, cols, -1);
  return { rows, cols, data: centre };
};

/** 1e-4 times the mean of the columns' variances: how little the centres may move in the last step. */
const toleranceOf = ({ data }: Rows): number => (1e-4 * data.reduce((sum, x) => sum + x * x, 0)) / data.length;

const squaredDistance = (X: Rows, i: number, C: Rows, k: number): number => {
  const [x, c, cols] = [X.data, C.data, X.cols];
  let sum = 0;
  for (let j = 0; j < cols; j++) {
    const d = (x[i * cols + j] as number) - (c[k * cols + j] as number);
    sum += d * d;
  }
  return sum;
};

/** The nearest centre of each row, the first of equals: the least |c|^2 - 2 x c, all by one product. */
const nearest = (X: Rows, C: Rows): Int32Array => {
  const [products, K] = [multiply(X, transposed(C)).data, C.rows];
  const squares = Float64Array.from({ length: K }, (_, k) => dot(C.data, k * C.cols, C.data, k * C.cols, C.cols));
  return Int32Array.from({ length: X.rows }, (_, i) => {
    let [best, least] = [0, Infinity];
    for (let k = 0; k < K; k++) {
      const d = (squares[k] as number) - 2 * (products[i * K + k] as number);
      if (d < least) [best, least] = [k, d];
    }
    return best;
  });
};

/** Sums and sizes of clusters. */
interface Clusters {
  readonly sums: Float64Array;
  readonly sizes: Float64Array;
}

const join = ({ sums, sizes }: Clusters, X: Rows, i: number, k: number, sign: 1 | -1): void => {
  addRow(sums, k * X.cols, X.data, i * X.cols, X.cols, sign);
  sizes[k] = (sizes[k] as number) + sign;
};

/** Gives each empty cluster one of the rows that are farthest from their centres. */
const fillEmpty = (clusters: Clusters, X: Rows, C: Rows, labels: Int32Array): void => {
  const empty = [...clusters.sizes.keys()].filter((k) => clusters.sizes[k] === 0);
  if (empty.length === 0) return;
  const distances = Float64Array.from(labels, (k, i) => squaredDistance(X, i, C, k));
  const far = [...labels.keys()].toSorted((a, b) => (distances[b] as number) - (distances[a] as number));
  empty.forEach((k, e) => {
    const i = far[e] as number;
    join(clusters, X, i, k, 1);
    join(clusters, X, i, labels[i] as number, -1);
  });
};

/** The means of the clusters. */
const centresOf = (X: Rows, C: Rows, labels: Int32Array): Rows => {
  const clusters = { sums: new Float64Array(C.rows * C.cols), sizes: new Float64Array(C.rows) };
  labels.forEach((k, i) => join(clusters, X, i, k, 1));
  fillEmpty(clusters, X, C, labels);
  return { ...C, data: clusters.sums.map((x, at) => x / (clusters.sizes[Math.floor(at / C.cols)] || 1)) };
};

const shift = (a: Rows, b: Rows): number =>
  a.data.reduce((sum, x, i) => {
    const d = x - (b.data[i] as number);
    return sum + d * d;
  }, 0);

/** Different rows as first centres, all equally likely. */
const firstCentres = (X: Rows, { clusters, seed }: KMeansOptions): Rows => {
  const p = new Float64Array(X.rows).fill(Math.fround(1 / X.rows));
  const chosen = numpyWeightedChoice(numpyRandomState(seed), p, clusters);
  const data = new Float64Array(clusters * X.cols);
  chosen.forEach((i, k) => data.set(X.data.subarray(i * X.cols, (i + 1) * X.cols), k * X.cols));
  return { rows: clusters, cols: X.cols, data };
};

/**
 * The cluster of each row, as `KMeans(clusters, init="random", n_init=1, max_iter=iterations, random_state=seed)` in
 * scikit-learn on float32 rows.
 *
 * It stops when no row changes its cluster or the centres hardly move. Computed in float64: where a row is as near to
 * two centres as float32 can tell, scikit-learn may choose the other one. Turning all rows changes nothing.
 *
 * @param rows [n, d]
 * @returns n labels in 0 ... clusters - 1
 * @throws when there are more clusters than rows
 */
export const kMeans = (rows: Matrix, options: KMeansOptions): Int32Array => {
  const X = centred(rows);
  const tolerance = toleranceOf(X);
  let C = firstCentres(X, options);
  let before: Int32Array | undefined;
  for (let step = 0; step < options.iterations; step++) {
    const labels = nearest(X, C);
    const next = centresOf(X, C, labels);
    if (before !== undefined && labels.every((k, i) => k === before?.[i])) return labels;
    const moved = shift(next, C);
    [C, before] = [next, labels];
    if (moved <= tolerance) break;
  }
  return nearest(X, C);
};
