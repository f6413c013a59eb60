/**
 * A merge plan as pieces that threads do in any order.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { CheckpointFile } from '../checkpoint.js';
import type { PlacedFile } from '../file-system.js';
import type { Factors } from './factors.js';
import { giveBack, lowRankMerge } from './fused.js';
import type { FilePlan, TensorPlan } from './plan.js';
import { mergeTensor, overflowed, withUpdate, type Run, type Sink } from './tensor.js';
import { blocksOf } from './tile.js';
import type { Place, Unit } from './unit.js';

/** Tiles of a piece: enough that handing it over costs little, few enough that all threads end at about the same time. */
const TILES = 16;

/** A piece, and what is known of it when it is done. */
export interface Piece {
  readonly unit: Unit;
  /** A tensor in it, for the display. */
  readonly name: string;
  /** The problem that the unit's element of this index is too large. */
  readonly overflowed: (element: number) => Result<never>;
  /** To be called when the unit is done. */
  readonly done: () => void;
}

/** An output file, and where its tensors come from. */
export interface OpenedFile {
  readonly plan: FilePlan;
  readonly base: CheckpointFile;
  readonly to: PlacedFile;
  /** Memory for the factors of its tensors. */
  readonly factors: Factors;
}

/** Bytes that are copied as they are from one place to another. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly byteLength: number;
  readonly name: string;
}

/** A tensor and where it begins in the output file. */
interface PlacedTensor {
  readonly tensor: TensorPlan;
  readonly at: number;
}

const placed = ({ head, tensors }: FilePlan): ReadonlyArray<PlacedTensor> => {
  let at = head.length;
  return tensors.map((tensor) => {
    const start = at;
    at += tensor.stored.byteLength;
    return { tensor, at: start };
  });
};

const placesOf = (
  { base, to }: OpenedFile,
  from: number,
  at: number,
): { readonly from: Place; readonly to: Place } => ({
  from: { path: base.source.name, descriptor: base.source.descriptor as number, position: from },
  to: { path: to.path, descriptor: to.descriptor, position: at },
});

const noOverflow = (): never => {
  throw new Error('bytes that are copied do not overflow');
};

/** The pieces of a stretch. */
const copies = (run: Run, file: OpenedFile, { from, to, byteLength, name }: Stretch): ReadonlyArray<Piece> => {
  const most = TILES * run.tileBytes;
  return Array.from({ length: Math.ceil(byteLength / most) }, (_, i) => ({
    unit: {
      ...placesOf(file, from + i * most, to + i * most),
      byteLength: Math.min(most, byteLength - i * most),
      tileBytes: run.tileBytes,
    },
    name,
    overflowed: noOverflow,
    done: () => undefined,
  }));
};

/** The pieces of a tensor that the kernel knows; undefined for any other, which is merged here. */
const merges = async (
  run: Run,
  file: OpenedFile,
  { tensor, at }: PlacedTensor,
): Promise<Result<ReadonlyArray<Piece> | undefined>> =>
  withUpdate(run, tensor, async (update) => {
    const { dtype, shape, byteLength, offset } = tensor.stored;
    if (update === undefined)
      return E.right(copies(run, file, { from: offset, to: at, byteLength, name: tensor.name }));
    const { grid, blocks } = blocksOf(update, shape, byteLength, TILES * run.tileBytes);
    const rowBytes = byteLength / Math.max(1, grid.rows);
    const largest = Math.max(run.tileBytes, rowBytes);
    const matrix = await lowRankMerge(update, { dtype, shape, grid, tileBytes: largest }, file.factors);
    if (matrix !== undefined) {
      let missing = blocks.length;
      const done = (): void => {
        missing -= 1;
        if (missing === 0) giveBack(matrix, file.factors);
      };
      return E.right(
        blocks.map(({ start, count }) => ({
          unit: {
            ...placesOf(file, offset + start * rowBytes, at + start * rowBytes),
            byteLength: count * rowBytes,
            matrix: {
              ...matrix,
              rows: count,
              terms: matrix.terms.map((t) => ({ ...t, B: t.B.subarray(start * t.rank, (start + count) * t.rank) })),
            },
            tileBytes: run.tileBytes,
          },
          name: tensor.name,
          overflowed: (element) => overflowed(tensor, start * grid.columns + element),
          done,
        })),
      );
    }
    let position = at;
    const sink: Sink = {
      write: (bytes) => {
        position += bytes.length;
        return file.to.write(bytes, position - bytes.length);
      },
    };
    return E.map(() => undefined)(await mergeTensor(run, tensor, update, sink));
  });

/** Whether a stretch goes on with the tensor. */
const continues = (stretch: Stretch, { tensor, at }: PlacedTensor): boolean =>
  tensor.stored.offset === stretch.from + stretch.byteLength && at === stretch.to + stretch.byteLength;

/**
 * The pieces of a file in the order of its bytes; tensors that no thread can merge are merged here before the next piece is given.
 *
 * @param here is told the bytes of tensors that were merged here
 */
export async function* piecesOf(
  run: Run,
  file: OpenedFile,
  here: (bytes: number) => void,
): AsyncGenerator<Result<Piece>, void, undefined> {
  let stretch: Stretch | undefined;
  for (const next of placed(file.plan)) {
    const { tensor, at } = next;
    const { byteLength, offset } = tensor.stored;
    if (stretch !== undefined && (tensor.key !== undefined || !continues(stretch, next))) {
      yield* copies(run, file, stretch).map(E.right);
      stretch = undefined;
    }
    if (tensor.key === undefined) {
      stretch =
        stretch === undefined
          ? { from: offset, to: at, byteLength, name: tensor.name }
          : { ...stretch, byteLength: stretch.byteLength + byteLength, name: tensor.name };
      continue;
    }
    const merged = await merges(run, file, next);
    if (E.isLeft(merged)) {
      yield merged;
      return;
    }
    if (merged.right === undefined) here(byteLength);
    else yield* merged.right.map(E.right);
  }
  if (stretch !== undefined) yield* copies(run, file, stretch).map(E.right);
}
