/**
 * Doing one unit of a merge in this thread.
 */
import { E } from '../../fp.js';
import type { RowMerger } from '../../ops/kernels/merge.js';
import type { Result } from '../../problem.js';
import { rowsFitting, type Place, type Unit } from '../merge/unit.js';
import { fillNow, writeNow } from './positioned.js';

const moved = (place: Place, by: number): Place => ({ ...place, position: place.position + by });

/** What turns a tile into its new bytes, the bytes of a tile, and where tiles are read to. */
const stepsOf = ({ matrix, byteLength, tileBytes }: Unit, merger: RowMerger, spare: (n: number) => Uint8Array) => {
  if (matrix === undefined) {
    const step = Math.min(tileBytes, byteLength);
    return { step, buffer: spare(step), merge: (_: number, bytes: Uint8Array) => ({ bytes, overflow: -1 }) };
  }
  const rowBytes = byteLength / matrix.rows;
  const step = Math.min(rowsFitting(tileBytes, rowBytes) * rowBytes, byteLength);
  const rows = merger(matrix, step);
  return {
    step,
    buffer: rows.buffers[0],
    merge: (offset: number, bytes: Uint8Array) => rows.merge(offset / rowBytes, bytes, 0),
  };
};

/** A function that does units one after the other, in a memory of its own. See `Lane` for the result. */
export const unitRunner = (merger: RowMerger): ((unit: Unit) => Result<number>) => {
  let place = new Uint8Array();
  const spare = (n: number): Uint8Array => (place.length < n ? (place = new Uint8Array(n)) : place);
  return (unit) => {
    const { from, to, byteLength } = unit;
    const { step, buffer, merge } = stepsOf(unit, merger, spare);
    for (let offset = 0; offset < byteLength; offset += step) {
      const bytes = buffer.subarray(0, Math.min(step, byteLength - offset));
      const read = fillNow(moved(from, offset), bytes);
      if (E.isLeft(read)) return read;
      const merged = merge(offset, bytes);
      if (merged.overflow >= 0) {
        const elementBytes = byteLength / (unit.matrix === undefined ? 1 : unit.matrix.rows * unit.matrix.columns);
        return E.right(offset / elementBytes + merged.overflow);
      }
      const written = writeNow(moved(to, offset), merged.bytes);
      if (E.isLeft(written)) return written;
    }
    return E.right(-1);
  };
};
