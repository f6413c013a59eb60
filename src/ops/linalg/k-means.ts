/**
 * k-means clustering by Lloyd's iteration, as scikit-learn runs it.
 */
import { numpyRandomState, numpyWeightedChoice } from '../torch-random/index.js';
import type { Matrix } from './matrix.js';

/** Settings in scikit-learn's names. */
export interface KMeansOptions {
  readonly clusters: number;
  readonly iterations: number;
  /** Seed of numpy's `RandomState`. */
  readonly seed: number;
}

/** The mean of each column. */
const columnMeans = ({ rows, cols, data }: Matrix): Float64Array => {
  const means = new Float64Array(cols);
  data.forEach((x, i) => (means[i % cols] = (means[i % cols] as number) + x / rows));
  return means;
};

const centred = (X: Matrix): Matrix => {
  const means = columnMeans(X);
  return { ...X, data: Float64Array.from(X.data, (x, i) => x - (means[i % X.cols] as number)) };
};

/** 1e-4 times the mean of the columns' variances: how little the centres may move in the last step. */
const toleranceOf = ({ data }: Matrix): number =>
  (1e-4 * (data as Float64Array).reduce((sum, x) => sum + x * x, 0)) / data.length;

const squaredDistance = (X: Matrix, i: number, C: Matrix, k: number): number => {
  let sum = 0;
  for (let j = 0; j < X.cols; j++) {
    sum += ((X.data[i * X.cols + j] as number) - (C.data[k * X.cols + j] as number)) ** 2;
  }
  return sum;
};

/** The nearest centre of each row, the first of equals. */
const nearest = (X: Matrix, C: Matrix): Int32Array =>
  Int32Array.from({ length: X.rows }, (_, i) => {
    let [best, least] = [0, Infinity];
    for (let k = 0; k < C.rows; k++) {
      const d = squaredDistance(X, i, C, k);
      if (d < least) [best, least] = [k, d];
    }
    return best;
  });

/** Sums and sizes of clusters. */
interface Clusters {
  readonly sums: Float64Array;
  readonly sizes: Float64Array;
}

const addRow = ({ sums, sizes }: Clusters, X: Matrix, i: number, k: number, sign: 1 | -1): void => {
  for (let j = 0; j < X.cols; j++) {
    const at = k * X.cols + j;
    sums[at] = (sums[at] as number) + sign * (X.data[i * X.cols + j] as number);
  }
  sizes[k] = (sizes[k] as number) + sign;
};

/** Gives each empty cluster one of the rows that are farthest from their centres. */
const fillEmpty = (clusters: Clusters, X: Matrix, C: Matrix, labels: Int32Array): void => {
  const empty = [...clusters.sizes.keys()].filter((k) => clusters.sizes[k] === 0);
  if (empty.length === 0) return;
  const distances = Float64Array.from(labels, (k, i) => squaredDistance(X, i, C, k));
  const far = [...labels.keys()].toSorted((a, b) => (distances[b] as number) - (distances[a] as number));
  empty.forEach((k, e) => {
    const i = far[e] as number;
    addRow(clusters, X, i, k, 1);
    addRow(clusters, X, i, labels[i] as number, -1);
  });
};

/** The means of the clusters. */
const centresOf = (X: Matrix, C: Matrix, labels: Int32Array): Matrix => {
  const clusters = { sums: new Float64Array(C.rows * C.cols), sizes: new Float64Array(C.rows) };
  labels.forEach((k, i) => addRow(clusters, X, i, k, 1));
  fillEmpty(clusters, X, C, labels);
  return { ...C, data: clusters.sums.map((x, at) => x / (clusters.sizes[Math.floor(at / C.cols)] || 1)) };
};

const shift = (a: Matrix, b: Matrix): number =>
  (a.data as Float64Array).reduce((sum, x, i) => sum + (x - (b.data[i] as number)) ** 2, 0);

/** Different rows as first centres, all equally likely. */
const firstCentres = (X: Matrix, { clusters, seed }: KMeansOptions): Matrix => {
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
