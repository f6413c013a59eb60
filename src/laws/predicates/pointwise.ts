/**
 * Application key by key and row by row: what lets it stream.
 */
import { applyUpdate } from '../../adapters/updates/apply.js';
import { rowGrid, type RowBlock, type RowGrid } from '../../adapters/updates/rows.js';
import { isRowLocal } from '../../adapters/updates/traits.js';
import type { WeightUpdate } from '../../adapters/update.js';
import { bits, split, type Key } from '../../ops/random.js';
import { lookup, recordOf, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { changesAt, startOf } from '../base.js';
import { sameBits, snapshot } from '../compare.js';
import { law, mergeableAt } from '../law.js';
import type { Operations } from '../operations.js';

/** Application to a record is application to each of its tensors. */
export const pointwiseLaw = law(
  'pointwise',
  'apply(a, w)[k] = applyAt(a, k, w[k]), bit for bit',
  { atMost: 'dependent' },
  async (s) => {
    const a = mergeableAt(s, 0);
    const each = recordOf(
      Object.entries(startOf(a, s.weights)).map(
        ([key, W]) => [key, s.operations.applyAt(a, key, W, (k) => lookup(s.weights, k))] as const,
      ),
    );
    return sameBits(await snapshot(each), await snapshot(s.operations.apply(a, s.weights)));
  },
);

/** A random partition of the rows into blocks that cross no border. */
const partition = (key: Key, { rows, period }: RowGrid): ReadonlyArray<RowBlock> => {
  const cuts = bits(key, rows);
  const starts = Array.from({ length: rows }, (_, i) => i).filter(
    (i) => i % period === 0 || (cuts[i] as number) % 3 === 0,
  );
  return starts.map((start, i) => ({ start, count: (starts[i + 1] ?? rows) - start }));
};

const byRows = (rows: Operations['updateRows'], update: WeightUpdate, W: Tensor, key: Key): Tensor => {
  const grid = rowGrid(update, W.shape);
  const X = tf.reshape(W, [grid.rows, grid.columns]);
  const tiles = partition(key, grid).map((block) =>
    applyUpdate(rows(update, grid, block), tf.slice(X, [block.start, 0], [block.count, grid.columns])),
  );
  return tf.reshape(tiles.length === 1 ? (tiles[0] as Tensor) : tf.concat(tiles, 0), W.shape);
};

/** Rows can be merged in any tiles. */
export const rowsLaw = law(
  'rows',
  'rows(update(W)) = updateRows(update)(rows(W)) over any partition of the rows, bit for bit',
  { atMost: 'dependent' },
  async (s) => {
    const local = changesAt(mergeableAt(s, 0), s.weights).filter(({ update }) => isRowLocal(update));
    const keys = split(s.key, local.length + 1);
    const tiled = recordOf(
      local.map(({ key, W, update }, i) => [key, byRows(s.operations.updateRows, update, W, keys[i] as Key)] as const),
    );
    const whole = recordOf(local.map(({ key, W, update }) => [key, applyUpdate(update, W)] as const));
    return sameBits(await snapshot(tiled), await snapshot(whole));
  },
);
