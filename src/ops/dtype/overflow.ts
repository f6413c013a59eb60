/**
 * Finite numbers that a storage type cannot hold.
 */
import type { DType } from './names.js';

const largestBits: Partial<Record<DType, number>> = {
  F16: 0x477fefff, // just below 65520
  BF16: 0x7f7f7fff, // just below 2^128 - 2^119
  F8_E4M3: 0x43e80000, // 464
  F8_E5M2: 0x476fffff, // just below 61440
};

/** float32 bits of the largest number that a storage type rounds to a finite one. Magnitudes order as their bits do. */
export const largestFiniteBits = (dtype: DType): number => largestBits[dtype] ?? 0x7f7fffff;

/** The first element that is finite before and too large after, or NaN; -1 when there is none. */
export const firstOverflow = (dtype: DType, before: Float32Array, after: Float32Array): number => {
  const most = largestFiniteBits(dtype);
  const bits = new Int32Array(after.buffer, after.byteOffset, after.length);
  let largest = 0;
  for (let i = 0; i < bits.length; i++) {
    const a = (bits[i] as number) & 0x7fffffff;
    largest = a > largest ? a : largest;
  }
  if (largest <= most) return -1;
  return bits.findIndex((b, i) => (b & 0x7fffffff) > most && Number.isFinite(before[i]));
};
