/**
 * Gradients of kernels that choose elements by index or by condition.
 */
import * as tf from '@tensorflow/tfjs-core';
import { stridedIndex, type StridedSliceAttrs } from '../strided-index.js';
import { sizeOf, type Shape, type Tensor } from '../tensor.js';
import { around, attrsOf, shaped, single, zeros, type Rule } from './rule.js';

/**
 * Adds rows of `dy` into zeros: `dx[:, ids[j], :] += dy[:, j, :]`, the adjoint of a gather along `axis`. ScatterNd sums
 * duplicates on all backends; UnsortedSegmentSum is missing on wasm and slow on cpu.
 *
 * @param dy [...outer, ...ids.shape, ...inner]
 * @returns a tensor of `shape` [...outer, n, ...inner]
 */
const scatterAlong = (dy: Tensor, ids: Tensor, shape: Shape, axis: number): Tensor => {
  const [outer, n, inner] = around(shape, axis);
  const indices = tf.reshape(ids, [ids.size, 1]) as tf.Tensor<tf.Rank.R2>;
  const rows = tf.transpose(tf.reshape(dy, [outer, ids.size, inner]), [1, 0, 2]);
  const sums = tf.scatterND(indices, tf.reshape(rows, [ids.size, outer * inner]), [n, outer * inner]);
  return tf.reshape(tf.transpose(tf.reshape(sums, [n, outer, inner]), [1, 0, 2]), [...shape]);
};

const gatherV2: Rule = {
  kernelName: 'GatherV2',
  inputsToSave: ['x', 'indices'],
  reads: () => ['indices'],
  gradFunc: (dys, saved, attrs) => {
    const [x, indices] = saved as [Tensor, Tensor];
    const { axis, batchDims } = attrsOf<{ readonly axis: number; readonly batchDims: number }>(attrs);
    return {
      x: () => {
        if (batchDims !== 0) throw new Error('gather with batchDims has no gradient');
        return scatterAlong(single(dys), indices, x.shape, axis < 0 ? axis + x.rank : axis);
      },
      indices: () => zeros(indices.shape),
    };
  },
};

const gatherNd: Rule = {
  kernelName: 'GatherNd',
  inputsToSave: ['params', 'indices'],
  reads: () => ['indices'],
  gradFunc: (dys, saved) => {
    const [params, indices] = saved as [Tensor, Tensor];
    return {
      params: () => tf.scatterND(indices, single(dys), params.shape),
      indices: () => zeros(indices.shape),
    };
  },
};

const scatterNd: Rule = {
  kernelName: 'ScatterNd',
  inputsToSave: ['indices'],
  gradFunc: (dys, saved) => {
    const [indices] = saved as [Tensor];
    return { updates: () => tf.gatherND(single(dys), indices), indices: () => zeros(indices.shape) };
  },
};

/** Rows that were overwritten get no gradient; the updates get that of the rows they wrote. Indices are distinct. */
const tensorScatterUpdate: Rule = {
  kernelName: 'TensorScatterUpdate',
  inputsToSave: ['indices', 'updates'],
  reads: () => ['indices'],
  gradFunc: (dys, saved) => {
    const [indices, updates] = saved as [Tensor, Tensor];
    return {
      tensor: () => tf.tensorScatterUpdate(single(dys), indices, zeros(updates.shape)),
      updates: () => tf.gatherND(single(dys), indices),
      indices: () => zeros(indices.shape),
    };
  },
};

/** `dx = dy[ids]`; ids outside of the segments took no part. */
const unsortedSegmentSum: Rule = {
  kernelName: 'UnsortedSegmentSum',
  inputsToSave: ['x', 'segmentIds'],
  reads: () => ['segmentIds'],
  gradFunc: (dys, saved, attrs) => {
    const [x, ids] = saved as [Tensor, Tensor];
    const { numSegments } = attrsOf<{ readonly numSegments: number }>(attrs);
    return {
      x: () => {
        const dy = single(dys);
        const inside = tf.logicalAnd(tf.greaterEqual(ids, 0), tf.less(ids, numSegments));
        const safe = tf.mul(ids, tf.cast(inside, 'int32'));
        const mask = tf.reshape(tf.cast(inside, 'float32'), [
          ...ids.shape,
          ...Array<number>(x.rank - ids.rank).fill(1),
        ]);
        return tf.mul(tf.gather(dy, safe as tf.Tensor<tf.Rank.R1>), mask);
      },
      segmentIds: () => zeros(ids.shape),
    };
  },
};

const select: Rule = {
  kernelName: 'Select',
  inputsToSave: ['condition'],
  gradFunc: (dys, saved) => {
    const [condition] = saved as [Tensor];
    return {
      condition: () => zeros(condition.shape),
      t: () => tf.mul(single(dys), tf.cast(condition, 'float32')),
      e: () => tf.mul(single(dys), tf.cast(tf.logicalNot(condition), 'float32')),
    };
  },
};

/** Rules of the indexing kernels; indices and conditions get zeros. */
export const indexing: ReadonlyArray<Rule> = [
  gatherV2,
  gatherNd,
  scatterNd,
  tensorScatterUpdate,
  unsortedSegmentSum,
  select,
  shaped<StridedSliceAttrs>('StridedSlice', (dy, shape, attrs) => {
    const { index } = stridedIndex(shape, attrs);
    const sums = tf.scatterND(tf.tensor2d(index, [index.length, 1], 'int32'), tf.reshape(dy, [index.length]), [
      sizeOf(shape),
    ]);
    return tf.reshape(sums, shape);
  }),
];
