/**
 * numpy's legacy `RandomState(seed)`, as far as scikit-learn's KMeans draws from it: its first rows.
 */
import { mt19937, type Mt19937 } from '../mt19937.js';

/** The generator of `np.random.RandomState(seed)`; throws a `RangeError` unless seed is an integer in [0, 2^32). */
export const numpyRandomState = (seed: number): Mt19937 => {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`a seed of RandomState is an integer in [0, 2^32), found ${seed}`);
  }
  return mt19937(seed);
};

/** A uniform number in [0, 1) with 53 random bits, as `random_sample()`. */
const uniform53 = (g: Mt19937): number => {
  const high = g.next() >>> 5;
  return (high * 2 ** 26 + (g.next() >>> 6)) * 2 ** -53;
};

/** Sums of all beginnings, over the last of them. */
const distribution = (p: Float64Array): Float64Array => {
  let sum = 0;
  const sums = p.map((x) => (sum += x));
  return sums.map((x) => x / sum);
};

/** The number of sorted entries that are not above x. */
const countUpTo = (sorted: Float64Array, x: number): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= x) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * `k` different indices, each drawn with the probability `p` gives it among those left, as
 * `RandomState(seed).choice(p.length, k, replace=False, p=p)`.
 *
 * scikit-learn passes `p = float32(1) / float32(n)` for float32 rows. Throws a `RangeError` where fewer than `k` are positive.
 */
export const numpyWeightedChoice = (g: Mt19937, p: Float64Array, k: number): Int32Array => {
  const positive = p.reduce((n, x) => n + (x > 0 ? 1 : 0), 0);
  if (!(k <= positive))
    throw new RangeError(`a choice of ${k} needs as many positive probabilities, found ${positive}`);
  const found = new Set<number>();
  while (found.size < k) {
    const draws = Float64Array.from({ length: k - found.size }, () => uniform53(g));
    const cdf = distribution(p.map((x, i) => (found.has(i) ? 0 : x)));
    for (const x of draws) found.add(countUpTo(cdf, x));
  }
  return Int32Array.from(found);
};
