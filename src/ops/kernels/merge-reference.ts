/**
 * Low-rank updates of a block of rows in TypeScript: the oracle of kernels/merge.ts, and what runs where it cannot.
 */
import { decodeFloats, encodeFloats } from '../dtype.js';
import { firstOverflow } from '../dtype/overflow.js';

/** s B A with B [rows, rank] and A [rank, columns], row-major. */
export interface LowRankTerm {
  readonly B: Float32Array;
  readonly A: Float32Array;
  readonly rank: number;
  readonly s: number;
}

/** A matrix of one of three storage types, and the terms that are added to it in their order. */
export interface LowRankMerge {
  readonly dtype: 'BF16' | 'F16' | 'F32';
  readonly rows: number;
  readonly columns: number;
  readonly terms: ReadonlyArray<LowRankTerm>;
}

/** Merged rows. */
export interface MergedRows {
  readonly bytes: Uint8Array;
  /** Index of the first element that was finite before and is not now; -1 if there is none. */
  readonly overflow: number;
}

/** Adds s B A to rows [start, start + values.length / columns), each product summed over k from zero. */
const addTerm = ({ B, A, rank, s }: LowRankTerm, columns: number, start: number, values: Float32Array): void => {
  const scale = Math.fround(s);
  const sum = new Float32Array(columns);
  const rows = columns === 0 ? 0 : values.length / columns;
  for (let i = 0; i < rows; i++) {
    sum.fill(0);
    for (let k = 0; k < rank; k++) {
      const b = B[(start + i) * rank + k] as number;
      for (let j = 0; j < columns; j++) sum[j] = (sum[j] as number) + Math.fround((A[k * columns + j] as number) * b);
    }
    for (let j = 0, at = i * columns; j < columns; j++, at++)
      values[at] = (values[at] as number) + Math.fround((sum[j] as number) * scale);
  }
};

/** Gives every NaN the bits that it had before, or those of the canonical one: engines differ in what sums of NaN look like. */
const settleNaN = (before: Float32Array, after: Float32Array): void => {
  const was = new Int32Array(before.buffer, before.byteOffset, before.length);
  const is = new Int32Array(after.buffer, after.byteOffset, after.length);
  for (let i = 0; i < is.length; i++)
    if (Number.isNaN(after[i])) is[i] = Number.isNaN(before[i]) ? (was[i] as number) : 0x7fc00000;
};

/**
 * W' = W + s_1 B_1 A_1 + s_2 B_2 A_2 + ... for a block of rows, rounded once to the storage type, ties to even.
 *
 * Each operation is rounded to float32, in the order of kernels/merge.ts. A weight that is NaN keeps its code.
 *
 * @param start index of the first row
 * @param bytes the block's rows, not written to
 */
export const mergeRowsReference = (
  { dtype, columns, terms }: LowRankMerge,
  start: number,
  bytes: Uint8Array,
): MergedRows => {
  const before = decodeFloats(dtype, bytes);
  const after = before.slice();
  for (const term of terms) addTerm(term, columns, start, after);
  settleNaN(before, after);
  return { bytes: encodeFloats(dtype, after), overflow: firstOverflow(dtype, before, after) };
};

/** The smaller one of two indices, of which -1 is none. */
const earlier = (a: number, b: number): number => (a < 0 || b < 0 ? Math.max(a, b) : Math.min(a, b));

const codesOf = (bytes: Uint8Array, size: number): Uint16Array | Uint32Array => {
  const { buffer, byteOffset, length } = bytes;
  return size === 4 ? new Uint32Array(buffer, byteOffset, length / 4) : new Uint16Array(buffer, byteOffset, length / 2);
};

/**
 * Rows that a kernel merged without care for infinity, NaN and overflow: what was not finite, or is not in the reference, gets its code from
 * there. The rest stays the kernel's, so that it does not depend on what lies in the same block.
 *
 * @param bytes the block's rows before
 * @param merged those of the kernel, which are written to
 */
export const settleRows = (matrix: LowRankMerge, start: number, bytes: Uint8Array, merged: Uint8Array): MergedRows => {
  const careful = mergeRowsReference(matrix, start, bytes);
  const before = decodeFloats(matrix.dtype, bytes);
  const size = bytes.length / before.length;
  const [from, to] = [codesOf(careful.bytes, size), codesOf(merged, size)];
  decodeFloats(matrix.dtype, careful.bytes).forEach((after, i) => {
    if (!Number.isFinite(before[i]) || !Number.isFinite(after)) to[i] = from[i] as number;
  });
  const own = firstOverflow(matrix.dtype, before, decodeFloats(matrix.dtype, merged));
  return { bytes: merged, overflow: earlier(careful.overflow, own) };
};
