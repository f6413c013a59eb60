/**
 * Updates of a block of rows: what a streaming merge applies to one tile.
 */
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import {
  lowRank,
  dense,
  normalize,
  replace,
  replaceRows,
  type LowRank,
  type Sparse,
  type WeightUpdate,
} from '../update.js';
import { kroneckerRows } from './delta.js';
import { matrixView } from './view.js';

/** Rows [start, start + count) of a tensor seen as a matrix of rows. A block never crosses a border of `period` rows. */
export interface RowBlock {
  readonly start: number;
  readonly count: number;
}

/** How a tensor divides into rows: `rows` of `columns` each; a tile must not cross a multiple of `period` rows. */
export interface RowGrid {
  readonly rows: number;
  readonly columns: number;
  readonly period: number;
}

const expertRows = (update: WeightUpdate): boolean => {
  switch (update._tag) {
    case 'LowRank':
      return update.B.rank === 3;
    case 'Normalize':
      return expertRows(update.update);
    case 'Sum':
    case 'Sequence':
      return update.updates.some(expertRows);
    default:
      return false;
  }
};

/** The rows of a tensor under an update: experts [E, m, n] count as E * m rows with a border every m. */
export const rowGrid = (update: WeightUpdate, shape: Shape): RowGrid => {
  if (expertRows(update)) {
    const [E, m, n] = shape as readonly [number, number, number];
    return { rows: E * m, columns: n, period: m };
  }
  const [rows, columns] = matrixView(shape);
  return { rows, columns, period: rows };
};

const rowsOf = (X: Tensor, grid: RowGrid, { start, count }: RowBlock): Tensor =>
  tf.slice(tf.reshape(X, [grid.rows, grid.columns]), [start, 0], [count, grid.columns]);

const blockOf = (B: Tensor, { start, count }: RowBlock): Tensor =>
  tf.slice(B, [start, 0], [count, B.shape[1] as number]);

const sparseRows = (update: Sparse, { columns }: RowGrid, { start, count }: RowBlock): WeightUpdate => {
  const [first, end] = [start * columns, (start + count) * columns];
  const inside: number[] = [];
  update.places.forEach((place, i) => place >= first && place < end && inside.push(i));
  return {
    ...update,
    places: Int32Array.from(inside, (i) => (update.places[i] as number) - first),
    values: tf.gather(tf.reshape(update.values, [-1]), tf.tensor1d(inside, 'int32')),
  };
};

const lowRankRows = ({ B, A, s }: LowRank, { start, count }: RowBlock): LowRank => {
  if (B.rank === 2) return lowRank(blockOf(B, { start, count }), A, s);
  const [, m, r] = B.shape as [number, number, number];
  const e = Math.floor(start / m);
  const Be = tf.reshape(tf.slice(B, [e, start - e * m, 0], [1, count, r]), [count, r]);
  return lowRank(Be, tf.reshape(tf.slice(A, [e, 0, 0], [1, r, A.shape[2] as number]), [r, -1]), s);
};

/**
 * The update of a block of rows, to be applied to those rows as a [count, columns] matrix.
 *
 * rows(update(W)) = updateRows(update)(rows(W)) for every row-local update; others are a programmer's mistake.
 */
export const updateRows = (update: WeightUpdate, grid: RowGrid, block: RowBlock): WeightUpdate => {
  switch (update._tag) {
    case 'LowRank':
      return lowRankRows(update, block);
    case 'Dense':
      return dense(rowsOf(update.delta, grid, block), update.s);
    case 'Hadamard':
      return { ...update, B1: blockOf(update.B1, block), B2: blockOf(update.B2, block) };
    case 'Modulate':
      return { ...update, B: blockOf(update.B, block) };
    case 'Kronecker':
      return dense(kroneckerRows(update, block.start, block.count));
    case 'Sparse':
      return sparseRows(update, grid, block);
    case 'Scale':
      return update.axis === 1
        ? update
        : { ...update, l: tf.slice(tf.reshape(update.l, [-1]), [block.start], [block.count]) };
    case 'Rotate':
    case 'Reflect':
      return update;
    case 'Deflate':
      return update.R === undefined ? update : { ...update, R: blockOf(update.R, block) };
    case 'Replace':
      return replace(rowsOf(update.value, grid, block));
    case 'ReplaceRows': {
      const inside = update.rows
        .map((row, i) => [row - block.start, i] as const)
        .filter(([row]) => row >= 0 && row < block.count);
      const value = tf.gather(
        tf.reshape(update.value, [-1, grid.columns]),
        tf.tensor1d(
          inside.map(([, i]) => i),
          'int32',
        ),
      );
      return replaceRows(
        inside.map(([row]) => row),
        value,
      );
    }
    case 'Normalize':
      return normalize(
        updateRows(update.update, grid, block),
        tf.slice(tf.reshape(update.m, [-1]), [block.start], [block.count]),
        update.axis,
      );
    case 'Sum':
    case 'Sequence':
      return { ...update, updates: update.updates.map((u) => updateRows(u, grid, block)) };
    case 'Residual':
    case 'Split':
    case 'BlockAffine':
      throw new TypeError('this update needs its whole tensor');
    case 'Prompt':
      throw new TypeError('cannot merge: virtual tokens change no weight');
    case 'Branch':
      throw new TypeError(`cannot merge: ${update.reason}`);
  }
};
