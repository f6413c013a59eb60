/**
 * Uniform numbers as `torch.rand` and `Tensor.uniform_` draw them.
 */
import { decodeFloats, encodeFloats } from '../dtype.js';
import { fma } from './fma.js';
import type { TorchGenerator } from './generator.js';

/** Storage types whose uniform numbers are reproduced. */
export type TorchFloat = 'F32' | 'F16' | 'BF16';

/** Rounds to a storage type. */
export const roundTo = (dtype: TorchFloat, values: Float32Array): Float32Array =>
  dtype === 'F32' ? values : decodeFloats(dtype, encodeFloats(dtype, values));

/** An integer in [0, 2^24): a uniform number in units of 2^-24. */
export const draw24 = (g: TorchGenerator): number => g.random() & 0xffffff;

/**
 * `n` numbers uniform in [from, to), as `torch.empty(n, dtype).uniform_(from, to)`: `u (to - from) + from`, u with 24 random
 * bits, rounded to float32 once and then to `dtype`; what rounds to `to` becomes `from`.
 *
 * That is torch 2.13; releases before it drew 8 bits for bfloat16 and 11 for float16, and could give `to`. Throws a `RangeError`
 * where from is above to.
 */
export const torchUniform = (
  g: TorchGenerator,
  n: number,
  from: number,
  to: number,
  dtype: TorchFloat = 'F32',
): Float32Array => {
  if (!(from <= to)) throw new RangeError(`uniform numbers need from <= to, found from ${from} and to ${to}`);
  const low = Math.fround(from);
  const width = Math.fround(Math.fround(to) - low);
  const stored = (x: number): number => roundTo(dtype, Float32Array.of(x))[0] as number;
  const [first, end] = [stored(from), stored(to)];
  const values = Float32Array.from({ length: n }, () => fma(draw24(g) * 2 ** -24, width, low));
  return roundTo(dtype, values).map((x) => (x === end ? first : x));
};

/** `n` numbers uniform in [0, 1), as `torch.rand(n)`. */
export const torchRand = (g: TorchGenerator, n: number): Float32Array => torchUniform(g, n, 0, 1);
