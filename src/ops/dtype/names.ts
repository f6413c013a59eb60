/**
 * Storage types of safetensors files: names, order and sizes.
 */
import type { Shape } from '../tensor.js';

/**
 * Every dtype name, in the order of the reference implementation's enum (increasing alignment).
 *
 * Files are written in descending order of this list, so the order is part of the format.
 * Source: huggingface/safetensors, `safetensors/src/tensor.rs`, `enum Dtype`.
 */
export const DTYPES = [
  'BOOL',
  'F4',
  'F6_E2M3',
  'F6_E3M2',
  'U8',
  'I8',
  'F8_E5M2',
  'F8_E4M3',
  'F8_E8M0',
  'F8_E4M3FNUZ',
  'F8_E5M2FNUZ',
  'I16',
  'U16',
  'F16',
  'BF16',
  'I32',
  'U32',
  'F32',
  'C64',
  'F64',
  'I64',
  'U64',
] as const;

/** Name of a storage type. */
export type DType = (typeof DTYPES)[number];

const BITS: Readonly<Record<DType, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

const ORDER: ReadonlyMap<unknown, number> = new Map(DTYPES.map((d, i) => [d, i]));

/** Whether a value is the name of a known dtype. */
export const isDType = (u: unknown): u is DType => ORDER.has(u);

/** Place of a dtype in `DTYPES`. */
export const dtypeOrder = (dtype: DType): number => ORDER.get(dtype) as number;

/** Bits of one element; below 8 for the packed 4 and 6 bit floats. */
export const bitsOf = (dtype: DType): number => BITS[dtype];

/** Whether elements are real floating point numbers, packed ones included. */
export const isFloat = (dtype: DType): boolean => dtype.startsWith('F') || dtype === 'BF16';

/** Whether `decodeFloats` and `encodeFloats` know the dtype: all but complex numbers and packed 4 and 6 bit floats. */
export const isComputable = (dtype: DType): boolean => dtype !== 'C64' && BITS[dtype] >= 8;

/**
 * Bytes of a tensor, or undefined where the file format has none: a size that is no size, one beyond 2^53 - 1 bits or one that does not end at a
 * byte. Like the reference, a product that overflows before it meets a zero counts as overflow.
 */
export const checkedByteLength = (dtype: DType, shape: Shape): number | undefined => {
  let n = 1;
  for (const d of shape) {
    n *= d;
    if (!(Number.isSafeInteger(n) && Number.isSafeInteger(d) && d >= 0)) return undefined;
  }
  const bits = n * BITS[dtype];
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : undefined;
};

/** Bytes of a tensor whose shape was checked before; throws a RangeError where `checkedByteLength` has no answer. */
export const byteLength = (dtype: DType, shape: Shape): number => {
  const bytes = checkedByteLength(dtype, shape);
  if (bytes === undefined) throw new RangeError(`${dtype} [${shape.join(', ')}] has no whole number of bytes`);
  return bytes;
};
