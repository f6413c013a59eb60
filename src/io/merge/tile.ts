/**
 * Merging one tensor in tiles: a block of rows is decoded, updated, rounded once and encoded.
 */
import { decodeFloats, encodeFloats, type DType } from '../../ops/dtype.js';
import { read, scope, tensorOf } from '../../ops/backend.js';
import { sizeOf, type Shape } from '../../ops/tensor.js';
import { applyUpdate } from '../../adapters/updates/apply.js';
import { rowGrid, updateRows, type RowBlock, type RowGrid } from '../../adapters/updates/rows.js';
import { isRowLocal } from '../../adapters/updates/traits.js';
import type { WeightUpdate } from '../../adapters/update.js';

/** A block of a tensor's rows to be merged. */
export interface Tile {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly grid: RowGrid;
  readonly block: RowBlock;
  /** The block's bytes; not to be written to. */
  readonly bytes: Uint8Array;
}

/** A merged tile; its bytes are good until the next call. */
export interface MergedTile {
  readonly bytes: Uint8Array;
  /** Index of the first element that was finite before and is not now; -1 if there is none. */
  readonly overflow: number;
}

/** Merges one tile; a fused kernel is another value of this type. */
export type TileKernel = (update: WeightUpdate, tile: Tile) => Promise<MergedTile>;

/** float32 bits of the largest number that a storage type rounds to a finite one. */
const largestBits: Partial<Record<DType, number>> = {
  F16: 0x477fefff, // just below 65520
  BF16: 0x7f7f7fff, // just below 2^128 - 2^119
  F8_E4M3: 0x43e80000, // 464
  F8_E5M2: 0x476fffff, // just below 61440
};

/** The first element that is finite before and too large after; -1 when there is none. Magnitudes order as their bits do. */
const firstOverflow = (before: Float32Array, after: Float32Array, most: number): number => {
  const bits = new Int32Array(after.buffer, after.byteOffset, after.length);
  let largest = 0;
  for (let i = 0; i < bits.length; i++) {
    const a = (bits[i] as number) & 0x7fffffff;
    largest = a > largest ? a : largest;
  }
  if (largest <= most) return -1;
  return bits.findIndex((b, i) => (b & 0x7fffffff) > most && Number.isFinite(before[i]));
};

/**
 * The reference kernel: float32 on the current tfjs backend, rounded once to the storage type.
 *
 * Each call makes a kernel with buffers of its own, which the next tile overwrites.
 */
export const tfjsKernel = (): TileKernel => {
  let values = new Float32Array(0);
  let stored = new Uint8Array(0);
  return async (update, { dtype, shape, grid, block, bytes }) => {
    const n = block.count * grid.columns;
    if (values.length < n) values = new Float32Array(n);
    if (stored.length < bytes.length) stored = new Uint8Array(bytes.length);
    const before = decodeFloats(dtype, bytes, values.subarray(0, n));
    const whole = block.count === grid.rows;
    const merged = scope(() => {
      const W = tensorOf(before, whole ? shape : [block.count, grid.columns]);
      return applyUpdate(whole ? update : updateRows(update, grid, block), W);
    });
    const after = await read(merged);
    merged.dispose();
    return {
      bytes: encodeFloats(dtype, after, stored.subarray(0, bytes.length)),
      overflow: firstOverflow(before, after, largestBits[dtype] ?? 0x7f7fffff),
    };
  };
};

/**
 * The blocks in which a tensor is merged: as many rows as fit into `tileBytes` of storage, never across an expert's
 * border; the whole tensor at once when the update needs it.
 */
export const blocksOf = (
  update: WeightUpdate,
  shape: Shape,
  byteLength: number,
  tileBytes: number,
): { readonly grid: RowGrid; readonly blocks: ReadonlyArray<RowBlock> } => {
  const grid = rowGrid(update, shape);
  if (!isRowLocal(update) || sizeOf(shape) === 0) return { grid, blocks: [{ start: 0, count: grid.rows }] };
  const rowBytes = byteLength / grid.rows;
  const most = Math.max(1, Math.floor(tileBytes / rowBytes));
  const blocks: RowBlock[] = [];
  for (let border = 0; border < grid.rows; border += grid.period) {
    for (let start = border; start < border + grid.period; start += most) {
      blocks.push({ start, count: Math.min(most, border + grid.period - start) });
    }
  }
  return { grid, blocks };
};
