/**
 * Merging one tensor in tiles: a block of rows is decoded, updated, rounded once and encoded.
 */
import { decodeFloats, encodeFloats, type DType } from '../../ops/dtype.js';
import { firstOverflow } from '../../ops/dtype/overflow.js';
import { read, scope, tensorOf } from '../../ops/backend.js';
import { sizeOf, type Shape } from '../../ops/tensor.js';
import { applyUpdate } from '../../adapters/updates/apply.js';
import { rowGrid, updateRows, type RowBlock, type RowGrid } from '../../adapters/updates/rows.js';
import { isRowLocal } from '../../adapters/updates/traits.js';
import type { WeightUpdate } from '../../adapters/update.js';
import { rowsFitting } from './unit.js';

/** A tensor that is merged in tiles. */
export interface TiledTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly grid: RowGrid;
  /** Storage bytes of the largest tile. */
  readonly tileBytes: number;
}

/** A merged tile; its bytes are good until the call after the next one, so that they may be written during the next. */
export interface MergedTile {
  readonly bytes: Uint8Array;
  /** Index of the first element that was finite before and is not now; -1 if there is none. */
  readonly overflow: number;
}

/** A tensor whose update is prepared. */
export interface TensorMerge {
  /** Two places of `tileBytes` each, where tiles are best read into, in turn: one is filled while the other is merged. */
  readonly buffers: readonly [Uint8Array, Uint8Array];
  /** Merges the tile of these rows, whose bytes are not written to. */
  readonly merge: (block: RowBlock, bytes: Uint8Array) => Promise<MergedTile>;
}

/** Prepares an update of one tensor; the tensor before it is done with then. */
export type TileKernel = (update: WeightUpdate, tensor: TiledTensor) => Promise<TensorMerge>;

/**
 * The reference kernel: float32 on the current tfjs backend, rounded once to the storage type.
 *
 * Each call makes a kernel with buffers of its own.
 */
export const tfjsKernel = (): TileKernel => {
  let values = new Float32Array(0);
  let stored = [new Uint8Array(0), new Uint8Array(0)] as const;
  return async (update, { dtype, shape, grid, tileBytes }) => ({
    buffers: [new Uint8Array(tileBytes), new Uint8Array(tileBytes)],
    merge: async (block, bytes) => {
      const n = block.count * grid.columns;
      if (values.length < n) values = new Float32Array(n);
      const place = stored[1].length < bytes.length ? new Uint8Array(bytes.length) : stored[1];
      stored = [place, stored[0]];
      const before = decodeFloats(dtype, bytes, values.subarray(0, n));
      const whole = block.count === grid.rows;
      const merged = scope(() => {
        const W = tensorOf(before, whole ? shape : [block.count, grid.columns]);
        return applyUpdate(whole ? update : updateRows(update, grid, block), W);
      });
      const after = await read(merged);
      merged.dispose();
      return {
        bytes: encodeFloats(dtype, after, place.subarray(0, bytes.length)),
        overflow: firstOverflow(dtype, before, after),
      };
    },
  });
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
  const most = rowsFitting(tileBytes, rowBytes);
  const blocks: RowBlock[] = [];
  for (let border = 0; border < grid.rows; border += grid.period) {
    for (let start = border; start < border + grid.period; start += most) {
      blocks.push({ start, count: Math.min(most, border + grid.period - start) });
    }
  }
  return { grid, blocks };
};
