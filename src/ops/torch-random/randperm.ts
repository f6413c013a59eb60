/**
 * Random permutations as `torch.randperm` draws them.
 */
import type { TorchGenerator } from './generator.js';
import { random64Mod } from './randint.js';

/** The least n for which torch draws 64 bits a step, so that the remainders stay even: (2^32 - 1) / 20. */
export const RANDPERM_64 = Math.floor((2 ** 32 - 1) / 20);

/** The most places that a map holds well. */
const SPARSE_PLACES = 2 ** 22;

/** A permutation in the making: the value at a place, and its replacement. */
interface Places {
  readonly get: (i: number) => number;
  readonly set: (i: number, value: number) => void;
}

/** 0, 1, ..., n-1 with room for every place. */
const dense = (n: number): Places => {
  const values = Int32Array.from({ length: n }, (_, i) => i);
  return {
    get: (i) => values[i] as number,
    set: (i, value) => {
      values[i] = value;
    },
  };
};

/** 0, 1, 2, ... with room for the places that were set. */
const sparse = (): Places => {
  const values = new Map<number, number>();
  return { get: (i) => values.get(i) ?? i, set: (i, value) => values.set(i, value) };
};

/** Fisher and Yates from the front: step i settles place i, so k steps are enough; the rest of the draws is passed over. */
const front = (g: TorchGenerator, n: number, k: number): Int32Array => {
  const places = k > Math.min(n / 8, SPARSE_PLACES) ? dense(n) : sparse();
  const out = new Int32Array(k);
  const steps = Math.min(k, n - 1);
  for (let i = 0; i < k; i++) {
    const from = i < steps ? i + (g.random() % (n - i)) : i;
    out[i] = places.get(from);
    places.set(from, places.get(i));
  }
  g.skip(Math.max(n - 1 - steps, 0));
  return out;
};

/** Fisher and Yates inside out: place z of the i + 1 so far gets i, place i what was there. Places beyond k never matter. */
export const insideOut = (g: TorchGenerator, n: number, k: number): Int32Array => {
  const out = new Int32Array(k);
  for (let i = 0; i < n; i++) {
    const z = random64Mod(g, i + 1);
    if (i < k) out[i] = out[z] as number;
    if (z < k) out[z] = i;
  }
  return out;
};

/**
 * The first `k` entries of a random permutation of 0 ... n-1, as `torch.randperm(n)[:k]`; all n by default.
 *
 * The generator ends where torch's does. Below `RANDPERM_64` memory and time go with k alone where k is small.
 * Throws a `RangeError` unless 0 <= k <= n <= 2^31.
 */
export const torchRandperm = (g: TorchGenerator, n: number, k = n): Int32Array => {
  if (!Number.isInteger(n) || !Number.isInteger(k) || k < 0 || k > n || n > 2 ** 31) {
    throw new RangeError(`a permutation needs integers 0 <= k <= n <= 2^31, found k ${k} and n ${n}`);
  }
  return n < RANDPERM_64 ? front(g, n, k) : insideOut(g, n, k);
};
