/**
 * Integers and booleans to float32 and back.
 */

/** Storage types of whole numbers. */
export type IntegerType = 'BOOL' | 'U8' | 'I8' | 'I16' | 'U16' | 'I32' | 'U32' | 'I64' | 'U64';

/** Typed arrays by integer dtype; 64 bits are read as pairs of words, the low one first. */
const ARRAYS = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
} as const;

/** A view of integers of at most 32 bits. */
const integersOf = (dtype: keyof typeof ARRAYS, buffer: ArrayBufferLike, offset: number, length: number) =>
  new (
    ARRAYS[dtype] as new (
      buffer: ArrayBufferLike,
      offset: number,
      length: number,
    ) => Uint8Array | Int16Array | Int32Array
  )(buffer, offset, length);

/** Smallest and largest value of an integer dtype; BOOL keeps 0 and 1. */
const rangeOf = (dtype: IntegerType): readonly [number, number] => {
  if (dtype === 'BOOL') return [0, 1];
  const bits = Number(dtype.slice(1));
  return dtype.startsWith('U') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
};

/** Nearest whole number, ties to even. */
const roundEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
};

/** Values of an aligned buffer of integers; any non-zero BOOL is 1. */
export const decodeIntegers = (
  dtype: IntegerType,
  buffer: ArrayBufferLike,
  offset: number,
  out: Float32Array,
): void => {
  if (dtype === 'I64' || dtype === 'U64') {
    const low = new Uint32Array(buffer, offset, 2 * out.length);
    const high = dtype === 'I64' ? new Int32Array(buffer, offset, 2 * out.length) : low;
    for (let i = 0; i < out.length; i++) out[i] = (high[2 * i + 1] as number) * 2 ** 32 + (low[2 * i] as number);
    return;
  }
  const values = integersOf(dtype, buffer, offset, out.length);
  if (dtype === 'BOOL') for (let i = 0; i < out.length; i++) out[i] = values[i] === 0 ? 0 : 1;
  else out.set(values);
};

/** Integers nearest to values, ties to even, clamped to the dtype's range; NaN becomes 0, a non-zero BOOL 1. */
export const encodeIntegers = (
  dtype: IntegerType,
  values: Float32Array,
  buffer: ArrayBufferLike,
  offset: number,
): void => {
  if (dtype === 'I64' || dtype === 'U64') {
    const out = new BigInt64Array(buffer, offset, values.length);
    const clamp = (n: bigint): bigint => {
      const [min, max] = dtype === 'I64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
      return n < min ? min : n > max ? max : n;
    };
    for (let i = 0; i < values.length; i++) {
      const x = values[i] as number;
      // Infinities are clamped like any number beyond the range.
      out[i] = Number.isNaN(x) ? 0n : clamp(BigInt(roundEven(Math.max(-1e30, Math.min(1e30, x)))));
    }
    return;
  }
  const [min, max] = rangeOf(dtype);
  const out = integersOf(dtype, buffer, offset, values.length);
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (dtype === 'BOOL') out[i] = x === 0 ? 0 : 1;
    else out[i] = Number.isNaN(x) ? 0 : roundEven(Math.min(max, Math.max(min, x)));
  }
};
