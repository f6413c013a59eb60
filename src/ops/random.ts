/**
 * Randomness as values: keys that are passed in and split, never a hidden state.
 *
 * Keys, splitting and bits are those of JAX (`jax_threefry_partitionable`, its default), so that `key`, `split`
 * and `uniform` give JAX's numbers.
 */
import { tensorOf } from './backend.js';
import { sizeOf, type Shape, type Tensor } from './tensor.js';
import { threefry2x32, type Word2 } from './threefry.js';

/** A key of randomness. Use each once: for one draw, or for one `split`. */
export type Key = Word2;

/** The key of a seed, an integer in [0, 2^53). */
export const key = (seed: number): Key => {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is an integer in [0, 2^53), found ${seed}`);
  return [Math.floor(seed / 2 ** 32), seed >>> 0];
};

/** `n` independent keys from one. */
export const split = (k: Key, n = 2): ReadonlyArray<Key> =>
  Array.from({ length: n }, (_, i) => threefry2x32(k, [0, i]));

/** A key for a number in [0, 2^32): JAX's `fold_in`; different numbers give independent keys. */
export const foldIn = (k: Key, data: number): Key => threefry2x32(k, [0, data >>> 0]);

/** A key for a name: that of the name's hash (FNV-1a of its code points, 32 bits). */
export const keyFor = (k: Key, name: string): Key =>
  foldIn(
    k,
    [...name].reduce((hash, c) => Math.imul(hash ^ (c.codePointAt(0) as number), 0x01000193), 0x811c9dc5),
  );

/** `n` words of 32 random bits. */
export const bits = (k: Key, n: number): Uint32Array =>
  Uint32Array.from({ length: n }, (_, i) => {
    const [x, y] = threefry2x32(k, [0, i]);
    return x ^ y;
  });

/** `n` numbers uniform in [lo, hi), with 23 random bits each; where lo is not 0, rounding to float32 can give hi, as in JAX. */
export const uniformValues = (k: Key, n: number, lo = 0, hi = 1): Float32Array => {
  const low = Math.fround(lo);
  const width = Math.fround(Math.fround(hi) - low);
  return Float32Array.from(bits(k, n), (b) => Math.max(low, Math.fround((b >>> 9) * 2 ** -23 * width) + low));
};

/**
 * `n` numbers from the normal distribution: `mean + std sqrt(-2 log u) cos(2 pi v)` (Box and Muller), one for each counter,
 * computed in float64 and rounded once.
 */
export const normalValues = (k: Key, n: number, mean = 0, std = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => {
    const [x, y] = threefry2x32(k, [0, i]);
    // Centres of 2^32 equal parts: u is never 0.
    const [u, v] = [(x + 0.5) * 2 ** -32, (y + 0.5) * 2 ** -32];
    return mean + std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });

/** A tensor of numbers uniform in [lo, hi). */
export const uniform = (k: Key, shape: Shape, lo = 0, hi = 1): Tensor =>
  tensorOf(uniformValues(k, sizeOf(shape), lo, hi), shape);

/** A tensor of normal numbers of a mean and a standard deviation. */
export const normal = (k: Key, shape: Shape, mean = 0, std = 1): Tensor =>
  tensorOf(normalValues(k, sizeOf(shape), mean, std), shape);

/**
 * U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), fan_in the product of all sizes but the first: torch's `kaiming_uniform_` with
 * a = sqrt(5), the start of its linear layers.
 */
export const kaimingUniform = (k: Key, shape: Shape): Tensor => {
  const bound = 1 / Math.sqrt(sizeOf(shape.slice(1)));
  return uniform(k, shape, -bound, bound);
};
