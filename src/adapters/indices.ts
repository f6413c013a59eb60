/**
 * Tensors of integers: places in a weight that an adapter names. They are read on the host and never trained.
 */
import type { RawTensor } from '../io/safetensors/write.js';
import { decodeFloats, encodeFloats, isComputable, type DType } from '../ops/dtype.js';
import { showShape, type Shape } from '../ops/tensor.js';
import { fail, orProblems, problem, type Problem, type Result } from '../problem.js';
import type { ParamSpec } from './site.js';

/** Integers as plain data, row-major. */
export interface Indices {
  readonly shape: Shape;
  readonly values: Int32Array;
}

/** Bytes of 32-bit integers as they are; other integers, and floats that PEFT writes on some systems, through their values. */
const integersOf = ({ dtype, bytes }: RawTensor): Int32Array | undefined => {
  if (dtype === 'I32') return new Int32Array(bytes.slice().buffer);
  if (!isComputable(dtype)) return undefined;
  // beyond 2^24 float32 no longer tells neighbours apart
  const values = decodeFloats(dtype, bytes);
  return values.every((v) => Number.isInteger(v) && Math.abs(v) <= 2 ** 24) ? Int32Array.from(values) : undefined;
};

/** Points as one number each: coordinates lie along the first axis of the values, or there is only one. */
const placesOf = (values: Int32Array, into: Shape): Float64Array => {
  const n = values.length / into.length;
  return Float64Array.from({ length: n }, (_, i) =>
    into.reduce((place, size, axis) => place * size + (values[axis * n + i] as number), 0),
  );
};

const placeProblems = (at: string, values: Int32Array, into: Shape, repeats: boolean): ReadonlyArray<Problem> => {
  const n = values.length / into.length;
  const stray = values.findIndex((v, i) => v < 0 || v >= (into[Math.floor(i / n)] as number));
  if (stray >= 0) return [problem(at, `places inside of ${showShape(into)}`, `${values[stray]} at element ${stray}`)];
  return repeats || new Set(placesOf(values, into)).size === n
    ? []
    : [problem(at, 'each place once', 'a place that comes twice', 'The adapter seems to be broken.')];
};

/**
 * The integers of a stored tensor, checked against the tensor that they point into.
 *
 * Problems: values that are no integers or beyond float32's exact range where they are floats, places outside of
 * `into`, places that come twice where they must not.
 *
 * @param at where the tensor stands, for problems
 * @param param its spec, with `into`
 */
export const decodeIndices = (
  at: string,
  { into = [], repeats = false }: ParamSpec,
  stored: RawTensor,
): Result<Indices> => {
  const values = integersOf(stored);
  if (values === undefined) return fail(at, 'integers below 2^24', `other numbers, stored as ${stored.dtype}`);
  return orProblems(placeProblems(at, values, into, repeats), () => ({ shape: stored.shape, values }));
};

/** Integers as stored. */
export const encodeIndices = (dtype: DType, { shape, values }: Indices): RawTensor => ({
  dtype,
  shape,
  bytes: dtype === 'I32' ? new Uint8Array(values.slice().buffer) : encodeFloats(dtype, Float32Array.from(values)),
});
