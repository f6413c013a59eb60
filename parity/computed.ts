/**
 * Comparing what models compute.
 */
import type { RawTensor } from '../src/io/safetensors/write.js';
import type { GoldenCase } from './case.js';
import { difference, valuesOf } from './compare.js';
import { failed, pass, type Check } from './outcome.js';

const RTOL = 1e-4;

/** ||a - b|| / ||b|| over a whole tensor. */
const relativeNorm = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(b.reduce((n, y, i) => n + ((a[i] as number) - y) ** 2, 0) / b.reduce((n, y) => n + y * y, 0));

/**
 * Torch computes half-precision models in that precision, Weft in float32, so single elements differ by torch's rounding;
 * what can be held to a bound is the tensor as a whole, at 32 units of the type.
 */
const halfBound = { BF16: 2 ** -3, F16: 2 ** -6 } as const;

/** The bound of a case in half precision. */
export const halfOf = (c: GoldenCase): number | undefined =>
  c.family !== 'half' ? undefined : halfBound[c.id.includes('bf16') ? 'BF16' : 'F16'];

/** An output or a gradient, equal up to 1e-4, absolute in terms of the largest value. */
export const compareComputed = (
  name: string,
  half: number | undefined,
  ours: Float32Array,
  theirs: RawTensor,
): Check => {
  const values = valuesOf(theirs);
  const scale = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const { worst, maxError } = difference(ours, values, RTOL, RTOL * Math.max(scale, 1e-2));
  const holds = half === undefined ? worst <= 1 : ours.length === values.length && relativeNorm(ours, values) <= half;
  return holds ? pass(maxError) : failed(`${name}: off by ${maxError} (largest value ${scale})`, maxError);
};
