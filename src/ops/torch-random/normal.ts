/**
 * Normal numbers as `torch.randn`, `torch.normal` and `Tensor.normal_` draw them in float32 (Box and Muller).
 */
import { fma } from './fma.js';
import type { TorchGenerator } from './generator.js';
import { draw24 } from './uniform.js';
import { log24, sinCos } from './vector-math.js';

/** Elements of one block of the vectorised path: eight radii, then eight angles. */
const BLOCK = 16;

const TWO_PI = Math.fround(2 * Math.PI);

/** Writes the block at `start` from 16 uniform numbers in units of 2^-24. */
const fillBlock = (out: Float32Array, start: number, units: Int32Array, mean: number, std: number): void => {
  for (let i = 0; i < BLOCK / 2; i++) {
    const radius = Math.fround(Math.sqrt(-2 * log24(2 ** 24 - (units[i] as number))));
    const [sin, cos] = sinCos(Math.fround(TWO_PI * ((units[i + BLOCK / 2] as number) * 2 ** -24)));
    out[start + i] = fma(Math.fround(radius * cos), std, mean);
    out[start + i + BLOCK / 2] = fma(Math.fround(radius * sin), std, mean);
  }
};

/** Blocks of 16; where 16 does not divide n, the last 16 places are drawn afresh over what they held. */
const blocks = (g: TorchGenerator, n: number, mean: number, std: number): Float32Array => {
  const out = new Float32Array(n);
  const units = draw24(g, n);
  for (let i = 0; i + BLOCK <= n; i += BLOCK) fillBlock(out, i, units.subarray(i, i + BLOCK), mean, std);
  if (n % BLOCK !== 0) fillBlock(out, n - BLOCK, draw24(g, BLOCK), mean, std);
  return out;
};

/**
 * `n` normal numbers of a mean and a standard deviation, as `torch.empty(n).normal_(mean, std)`; shapes are row-major.
 *
 * 16 numbers or more come in blocks of float32 arithmetic, fewer one by one in float64 and rounded at the end, where the
 * generator keeps the second number of a pair for later. float64 functions of another engine may differ in their last bit,
 * which fewer than one in 10^8 of the short draws would show.
 */
export const torchNormal = (g: TorchGenerator, n: number, mean = 0, std = 1): Float32Array =>
  n >= BLOCK
    ? blocks(g, n, Math.fround(mean), Math.fround(std))
    : Float32Array.from({ length: n }, () => g.normal() * std + mean);

/** `n` standard normal numbers, as `torch.randn(n)`. */
export const torchRandn = (g: TorchGenerator, n: number): Float32Array => torchNormal(g, n);

/**
 * The test matrix of `torch.svd_lowrank(A, q)` for A of shape (m, n): normal numbers of shape (min(m, n), q), row-major.
 * A wide matrix is transposed first, and nothing else of that function is random.
 *
 * Source: Halko, Martinsson, Tropp, "Finding structure with randomness" (2011), algorithm 4.4.
 */
export const svdLowrankTestMatrix = (g: TorchGenerator, m: number, n: number, q: number): Float32Array =>
  torchRandn(g, Math.min(m, n) * q);
