/**
 * Principal components of data that comes in batches.
 *
 * Ross et al., "Incremental Learning for Robust Visual Tracking" (2008), as scikit-learn and PEFT have it.
 */
import { leading, matrix, svd, svdLowRank, tensorOfMatrix, type Matrix, type Svd } from '../../ops/linalg/index.js';
import { svdLowrankTestMatrix, torchGenerator } from '../../ops/torch-random/index.js';

/** What is known after some batches. */
export interface Components {
  /** Principal directions [n, in], the strongest first, each with its entry of largest magnitude positive. */
  readonly directions: Matrix;
  readonly singularValues: Float64Array;
  /** Shares of the whole variance. */
  readonly explained: Float64Array;
  readonly mean: Float64Array;
  /** Sum of squared deviations from the mean, feature by feature. */
  readonly deviations: Float64Array;
  readonly count: number;
}

/** PEFT's seed and number of power iterations. */
const SEED = 42;
const ITERATIONS = 4;

/** The leading triplets, from 2 n random directions where the matrix has more. */
const decompose = async (X: Matrix, n: number): Promise<Svd> => {
  const q = 2 * n;
  if (q >= Math.min(X.rows, X.cols)) return svd(X);
  const tensor = tensorOfMatrix(X);
  const test = svdLowrankTestMatrix(torchGenerator(SEED), X.rows, X.cols, q);
  const found = await svdLowRank(tensor, matrix(test.length / q, q, test), ITERATIONS);
  tensor.dispose();
  return found;
};

const meanOf = ({ rows, cols, data }: Matrix): Float64Array =>
  Float64Array.from({ length: cols }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += data[i * cols + j] as number;
    return sum / rows;
  });

const deviationsOf = ({ rows, cols, data }: Matrix, mean: Float64Array): Float64Array =>
  Float64Array.from({ length: cols }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += ((data[i * cols + j] as number) - (mean[j] as number)) ** 2;
    return sum;
  });

const centred = ({ rows, cols, data }: Matrix, mean: Float64Array): Matrix =>
  matrix(
    rows,
    cols,
    Float64Array.from(data, (x, i) => x - (mean[i % cols] as number)),
  );

/** The directions that are known, at their lengths, and how far the means are apart: what the batches before weigh. */
const memory = (before: Components, mean: Float64Array, rows: number): ReadonlyArray<Float64Array> => {
  const { directions, singularValues, count } = before;
  const weight = Math.sqrt((count / (count + rows)) * rows);
  const known = Array.from(singularValues, (s, i) =>
    Float64Array.from(directions.data.slice(i * directions.cols, (i + 1) * directions.cols), (x) => x * s),
  );
  return [...known, before.mean.map((m, j) => weight * (m - (mean[j] as number)))];
};

const stacked = (before: ReadonlyArray<Float64Array>, X: Matrix): Matrix => {
  const rows = before.length + X.rows;
  const data = new Float64Array(rows * X.cols);
  before.forEach((row, i) => data.set(row, i * X.cols));
  data.set(X.data, before.length * X.cols);
  return matrix(rows, X.cols, data);
};

/** Each row with its entry of largest magnitude positive. */
const signed = ({ rows, cols, data }: Matrix): Matrix => {
  const out = Float64Array.from(data);
  for (let i = 0; i < rows; i++) {
    const row = out.subarray(i * cols, (i + 1) * cols);
    const largest = row.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    if (largest < 0) row.forEach((x, j) => (row[j] = -x));
  }
  return matrix(rows, cols, out);
};

/**
 * The n principal components after one more batch.
 *
 * @param before what the batches before gave; nothing at the first
 * @param X [tokens, in], tokens and in at least n
 */
export const withBatch = async (before: Components | undefined, X: Matrix, n: number): Promise<Components> => {
  const batchMean = meanOf(X);
  const own = centred(X, batchMean);
  const seen = before?.count ?? 0;
  const count = seen + X.rows;
  const { S, Vt } = await decompose(before === undefined ? own : stacked(memory(before, batchMean, X.rows), own), n);
  const kept = leading({ U: Vt, S, Vt }, n);
  const past = before?.mean ?? new Float64Array(X.cols);
  const fresh = deviationsOf(X, batchMean);
  const deviations = fresh.map(
    (d, j) =>
      d +
      (before?.deviations[j] ?? 0) +
      (seen === 0 ? 0 : ((seen * X.rows) / count) * ((past[j] as number) - (batchMean[j] as number)) ** 2),
  );
  const whole = deviations.reduce((a, b) => a + b, 0);
  return {
    directions: signed(kept.Vt),
    singularValues: kept.S,
    explained: kept.S.map((s) => (s * s) / whole),
    mean: batchMean.map((m, j) => (seen * (past[j] as number) + X.rows * m) / count),
    deviations,
    count,
  };
};

/** Cosines between directions of the same place. */
export const cosines = (a: Matrix, b: Matrix): Float64Array =>
  Float64Array.from({ length: a.rows }, (_, i) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let j = i * a.cols; j < (i + 1) * a.cols; j++) {
      const [x, y] = [a.data[j] as number, b.data[j] as number];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return ab / Math.max(Math.sqrt(aa * bb), 1e-8);
  });
