/**
 * Comparing numbers with PEFT's.
 */
import { decodeFloats } from '../src/ops/dtype.js';
import type { RawTensor } from '../src/io/safetensors/write.js';

/** How far two lists of numbers are apart. */
export interface Difference {
  /** Largest |a - b| - rtol |b|, relative to what is allowed: at most 1 passes. */
  readonly worst: number;
  /** Largest absolute difference. */
  readonly maxError: number;
}

/** |a - b| <= atol + rtol |b| for every element, with NaN equal to NaN. */
export const difference = (a: ArrayLike<number>, b: ArrayLike<number>, rtol: number, atol: number): Difference => {
  if (a.length !== b.length) return { worst: Infinity, maxError: Infinity };
  let worst = 0;
  let maxError = 0;
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y) || x === y) continue;
    const error = Math.abs(x - y);
    const share = error / (atol + rtol * Math.abs(y));
    worst = Number.isNaN(share) ? Infinity : Math.max(worst, share);
    maxError = Number.isNaN(error) ? Infinity : Math.max(maxError, error);
  }
  return { worst, maxError };
};

/** The values of a stored tensor. */
export const valuesOf = ({ dtype, bytes }: RawTensor): Float32Array => decodeFloats(dtype, bytes);

const words = (bytes: Uint8Array): Uint16Array => new Uint16Array(new Uint8Array(bytes).buffer);

/** Position of a 16-bit float in the order of all of them: neighbours differ by one. */
const ordinal = (word: number): number => (word & 0x8000 ? -(word & 0x7fff) : word);

/** Elements of two 16-bit tensors that differ, and by how many units in the last place at most. */
export const ulpDifference = (a: Uint8Array, b: Uint8Array): { readonly share: number; readonly maxUlps: number } => {
  const [x, y] = [words(a), words(b)];
  if (x.length !== y.length) return { share: 1, maxUlps: Infinity };
  let count = 0;
  let maxUlps = 0;
  for (let i = 0; i < x.length; i++) {
    const distance = Math.abs(ordinal(x[i] as number) - ordinal(y[i] as number));
    if (distance > 0) count++;
    maxUlps = Math.max(maxUlps, distance);
  }
  return { share: x.length === 0 ? 0 : count / x.length, maxUlps };
};

/** Equality of bytes. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);
