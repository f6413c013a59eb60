/**
 * Uniform numbers as `torch.rand` and `Tensor.uniform_` draw them.
 */
import { decodeFloats, encodeFloats } from '../dtype.js';
import { fma } from './fma.js';
import type { TorchGenerator } from './generator.js';

/** Storage types whose uniform numbers are reproduced. */
export type TorchFloat = 'F32' | 'F16' | 'BF16';

/** `n` integers in [0, 2^24): uniform numbers in units of 2^-24. */
export const draw24 = (g: TorchGenerator, n: number): Int32Array => {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = g.random() & 0xffffff;
  return out;
};

/**
 * `n` numbers uniform in [from, to), as `torch.empty(n, dtype).uniform_(from, to)`: `u (to - from) + from`, u with 24 random
 * bits, rounded to float32 once and then to `dtype`. Rounding can give `to`.
 *
 * Half types are those of torch 2.13; earlier releases drew 8 bits for bfloat16 and 11 for float16.
 */
export const torchUniform = (
  g: TorchGenerator,
  n: number,
  from: number,
  to: number,
  dtype: TorchFloat = 'F32',
): Float32Array => {
  const low = Math.fround(from);
  const width = Math.fround(Math.fround(to) - low);
  const values = Float32Array.from(draw24(g, n), (k) => fma(k * 2 ** -24, width, low));
  return dtype === 'F32' ? values : decodeFloats(dtype, encodeFloats(dtype, values));
};

/** `n` numbers uniform in [0, 1), as `torch.rand(n)`. */
export const torchRand = (g: TorchGenerator, n: number): Float32Array => torchUniform(g, n, 0, 1);
