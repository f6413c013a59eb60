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

/** A merged tile. */
export interface MergedTile {
  readonly bytes: Uint8Array;
  /** Index of the first element that was finite before and is not now; -1 if there is none. */
  readonly overflow: number;
}

/** Merges one tile; a fused kernel is another value of this type. */
export type TileKernel = (update: WeightUpdate, tile: Tile) => Promise<MergedTile>;

const firstOverflow = (before: Float32Array, after: Float32Array, limit: number): number =>
  after.findIndex((v, i) => !(Math.abs(v) <= limit) && Number.isFinite(before[i]));

const float32OfBits = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] as number;

/** The largest float32 that rounds to a finite number of a storage type. */
const largest: Partial<Record<DType, number>> = {
  F16: float32OfBits(0x477fefff),
  BF16: float32OfBits(0x7f7f7fff),
  F8_E4M3: 464,
  F8_E5M2: float32OfBits(0x476fffff),
};

/** The reference kernel: float32 on the current tfjs backend, rounded once to the storage type. */
export const tfjsKernel: TileKernel = async (update, { dtype, shape, grid, block, bytes }) => {
  const before = decodeFloats(dtype, bytes);
  const whole = block.count === grid.rows;
  const merged = scope(() => {
    const W = tensorOf(before, whole ? shape : [block.count, grid.columns]);
    return applyUpdate(whole ? update : updateRows(update, grid, block), W);
  });
  const after = await read(merged);
  merged.dispose();
  return {
    bytes: encodeFloats(dtype, after),
    overflow: firstOverflow(before, after, largest[dtype] ?? Number.MAX_VALUE),
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
