/**
 * Normal numbers as `torch.randn`, `torch.normal` and `Tensor.normal_` draw them (Box and Muller).
 */
import { fma } from './fma.js';
import type { TorchGenerator } from './generator.js';
import { draw24, roundTo, type TorchFloat } from './uniform.js';
import { log24, sinCos } from './vector-math.js';

/** Elements of one block of the vectorised path: eight radii, then eight angles. */
const BLOCK = 16;
const HALF = BLOCK / 2;

const TWO_PI = Math.fround(2 * Math.PI);

/** Draws the block at `start`. */
const fillBlock = (g: TorchGenerator, out: Float32Array, start: number, mean: number, std: number): void => {
  const units = new Int32Array(BLOCK);
  for (let i = 0; i < BLOCK; i++) units[i] = draw24(g);
  for (let i = 0; i < HALF; i++) {
    const radius = Math.fround(Math.sqrt(-2 * log24(2 ** 24 - (units[i] as number))));
    const [sin, cos] = sinCos(Math.fround(TWO_PI * ((units[i + HALF] as number) * 2 ** -24)));
    out[start + i] = fma(Math.fround(radius * cos), std, mean);
    out[start + i + HALF] = fma(Math.fround(radius * sin), std, mean);
  }
};

/** Blocks of 16; where 16 does not divide n, the last 16 places are drawn afresh over what they held. */
const blocks = (g: TorchGenerator, n: number, mean: number, std: number, dtype: TorchFloat): Float32Array => {
  const out = new Float32Array(n);
  const rest = n % BLOCK;
  for (let i = 0; i + BLOCK <= n; i += BLOCK) fillBlock(g, out, i, mean, std);
  if (rest === 0) return out;
  // float32 draws all of its uniform numbers before the first block, so the rest's are lost.
  if (dtype === 'F32') g.skip(rest);
  fillBlock(g, out, n - BLOCK, mean, std);
  return out;
};

/**
 * `n` normal numbers of a mean and a standard deviation, as `torch.empty(n, dtype).normal_(mean, std)`; shapes are row-major.
 *
 * 16 numbers or more come in blocks of float32 arithmetic, the same in every engine. Fewer come one by one in float64 and
 * are rounded at the end, and the generator keeps the second number of a pair for later; there an engine's logarithm, sine
 * or cosine may differ from libm's in the last bit, which the rounding to float32 almost always hides.
 */
export const torchNormal = (g: TorchGenerator, n: number, mean = 0, std = 1, dtype: TorchFloat = 'F32'): Float32Array =>
  roundTo(
    dtype,
    n >= BLOCK
      ? blocks(g, n, Math.fround(mean), Math.fround(std), dtype)
      : Float32Array.from({ length: n }, () => g.normal() * std + mean),
  );

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
