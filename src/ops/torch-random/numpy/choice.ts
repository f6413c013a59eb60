/**
 * Choice without replacement and shuffling as numpy's `Generator` (`default_rng`) does them.
 */
import type { Pcg64 } from './pcg64.js';

/** An integer in [0, max] by Lemire's multiplication with rejection; max 0 draws nothing. */
const upTo = (g: Pcg64, max: number): number => {
  if (max === 0) return 0;
  const range = BigInt(max + 1);
  const threshold = (2n ** 32n - range) % range;
  for (;;) {
    const product = BigInt(g.next32()) * range;
    if ((product & 0xffffffffn) >= threshold) return Number(product >> 32n);
  }
};

const swap = (values: Int32Array, i: number, j: number): void => {
  const value = values[i] as number;
  values[i] = values[j] as number;
  values[j] = value;
};

/** Shuffles places `first` and beyond with all places before them, in place. */
const shuffleTail = (g: Pcg64, values: Int32Array, first: number): void => {
  for (let i = values.length - 1; i >= first; i--) swap(values, i, upTo(g, i));
};

/** Floyd's algorithm: a set of `k` of `n`, then its shuffle. */
const floyd = (g: Pcg64, n: number, k: number): Int32Array => {
  const chosen = new Set<number>();
  for (let last = n - k; last < n; last++) {
    const value = upTo(g, last);
    chosen.add(chosen.has(value) ? last : value);
  }
  const out = Int32Array.from(chosen);
  shuffleTail(g, out, 1);
  return out;
};

/**
 * `k` different integers of 0 ... n-1 in random order, as `default_rng(seed).choice(n, size=k, replace=False)`.
 *
 * Throws a `RangeError` unless 0 <= k <= n <= 2^31.
 */
export const numpyChoice = (g: Pcg64, n: number, k: number): Int32Array => {
  if (!Number.isInteger(n) || !Number.isInteger(k) || k < 0 || k > n || n > 2 ** 31) {
    throw new RangeError(`a choice needs integers 0 <= k <= n <= 2^31, found k ${k} and n ${n}`);
  }
  if (n <= 10_000 || k <= Math.floor(n / 50)) return floyd(g, n, k);
  const values = Int32Array.from({ length: n }, (_, i) => i);
  shuffleTail(g, values, Math.max(n - k, 1));
  return values.slice(n - k);
};

/** An integer in [0, max] for max >= 1: as many bits as max has, drawn again while they are above it. */
const maskedUpTo = (g: Pcg64, max: number): number => {
  const mask = 0xffffffff >>> Math.clz32(max);
  for (;;) {
    const value = (g.next32() & mask) >>> 0;
    if (value <= max) return value;
  }
};

/** The values in random order, as `default_rng(seed).shuffle(values)`; the argument stays as it is. */
export const numpyShuffle = (g: Pcg64, values: Int32Array): Int32Array => {
  const out = values.slice();
  for (let i = out.length - 1; i > 0; i--) swap(out, i, maskedUpTo(g, i));
  return out;
};
