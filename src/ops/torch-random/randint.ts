/**
 * Random integers and coin tosses as `torch.randint` and `torch.bernoulli` draw them.
 */
import type { TorchGenerator } from './generator.js';
import { draw24 } from './uniform.js';

/** Ranges from here on take 64 bits a draw, so that the remainders stay even. */
const WIDE = 2 ** 28;

/**
 * `x mod m` of integers with x below 2^53, where the float64 quotient is never rounded up to a whole number: x / m is at
 * least 1 / m below it. Much faster than `%` beyond int32.
 */
const modulo = (x: number, m: number): number => x - Math.floor(x / m) * m;

/** The remainder of the 64-bit integer of two draws, the first one high; `m` in [1, 2^37]. */
export const random64Mod = (g: TorchGenerator, m: number): number => {
  const high = modulo(g.random(), m);
  const low = g.random();
  // 16 bits at a time, so that no product goes beyond 2^53.
  const upper = modulo(high * 2 ** 16 + (low >>> 16), m);
  return modulo(upper * 2 ** 16 + (low & 0xffff), m);
};

/**
 * `n` integers in [low, high), as `torch.randint(low, high, (n,))`; the range has to fit in int32, else use
 * `torchRandint64`. Throws a `RangeError` for an empty or too wide range.
 */
export const torchRandint = (g: TorchGenerator, n: number, low: number, high: number): Int32Array => {
  const int32 = Number.isInteger(low) && Number.isInteger(high) && low >= -(2 ** 31) && high <= 2 ** 31;
  if (!int32 || low >= high) {
    throw new RangeError(`integers need -2^31 <= low < high <= 2^31, found low ${low} and high ${high}`);
  }
  const range = high - low;
  const draw = range < WIDE ? () => g.random() % range : () => random64Mod(g, range);
  return Int32Array.from({ length: n }, () => low + draw());
};

/**
 * `n` integers in [low, high), as `torch.randint(low, high, (n,))` for any range of int64.
 * Throws a `RangeError` for an empty or too wide range.
 */
export const torchRandint64 = (g: TorchGenerator, n: number, low: bigint, high: bigint): BigInt64Array => {
  if (low < -(2n ** 63n) || high > 2n ** 63n - 1n || low >= high) {
    throw new RangeError(`integers need -2^63 <= low < high < 2^63, found low ${low} and high ${high}`);
  }
  const range = high - low;
  const word = (): bigint => BigInt(g.random());
  const draw = range < WIDE ? word : () => (word() << 32n) | word();
  return BigInt64Array.from({ length: n }, () => low + (draw() % range));
};

/** 1 with probability `p[i]` and 0 else, as `torch.bernoulli(p)` of a tensor of float32, float16 or bfloat16. */
export const torchBernoulli = (g: TorchGenerator, p: Float32Array): Float32Array =>
  p.map((chance) => (draw24(g) * 2 ** -24 < chance ? 1 : 0));
