/**
 * Embedding lookup over plain, merged or attached weights.
 */
import { updateOf, type ModelWeights } from '../../adapters/attached.js';
import { forwardUpdate, type Use } from '../../adapters/updates/forward.js';
import { gated } from '../../adapters/updates/gated.js';
import { addMatMul } from '../../ops/add-mat-mul.js';
import { matMul } from '../../ops/mat-mul.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey } from '../spec.js';
import { baseParameter } from './parameter.js';

/** Rows of X at ids [n]; those of the padding token are constants for gradients, as torch's `padding_idx` has it. */
const rowsAt = (X: Tensor, ids: Tensor, padding: number | undefined): Tensor => {
  const rows = tf.gather(X, ids as tf.Tensor1D, 0);
  if (padding === undefined) return rows;
  const kept = tf.expandDims(tf.cast(tf.notEqual(ids, tf.scalar(padding, 'int32')), 'float32'), 1);
  return tf.add(tf.mul(rows, kept), stopGradient(tf.mul(rows, tf.sub(1, kept))));
};

/** 1 where ids [n] are rows [k], as [n, k]. */
const hits = (ids: Tensor, rows: ReadonlyArray<number>): Tensor => {
  const shape: [number, number] = [ids.size, rows.length];
  // full shapes, because not every backend broadcasts a comparison over outer axes
  const wide = tf.tile(tf.expandDims(ids, 1), [1, rows.length]);
  const all = tf.tile(tf.tensor2d([...rows], [1, rows.length], 'int32'), [ids.size, 1]);
  return tf.reshape(tf.cast(tf.equal(wide, all), 'float32'), shape);
};

/** Rows of W [V, D] at ids [n] as a use of W. */
const lookupUse = (ids: Tensor, padding: number | undefined): Use => ({
  dense: (W) => rowsAt(W, ids, padding),
  addLowRank: (y, B, A, g) => addMatMul(y, gated(rowsAt(B, ids, padding), g), A),
  outputAxis: 1,
  scaleOutput: (y, g) => tf.mul(y, g),
  replaceRows: (y, { rows, value }) => {
    const hit = hits(ids, rows);
    return tf.add(tf.mul(y, tf.sub(1, tf.sum(hit, 1, true))), matMul(hit, value));
  },
});

/**
 * y[i] = W[ids[i]].
 *
 * @param p weights; `module.weight` is [V, D]
 * @param ids int32 token ids of any shape, each in [0, V)
 * @param options.padding the token whose row gets no gradient
 * @param options.tiedTo the key that holds the weight when the module has none of its own (T5's two stacks)
 * @returns [...ids.shape, D]
 */
export const embedding = (
  p: ModelWeights,
  module: string,
  ids: Tensor,
  options: { readonly padding?: number | undefined; readonly tiedTo?: string } = {},
): Tensor => {
  const key = paramKey(module, 'weight');
  const use = lookupUse(tf.reshape(ids, [-1]), options.padding);
  const y = forwardUpdate(updateOf(p, key), baseParameter(p, key, options.tiedTo), use);
  return tf.reshape(y, [...ids.shape, y.shape[1] as number]);
};
