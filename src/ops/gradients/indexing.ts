/**
 * Gradients of kernels that choose elements by index or by condition.
 */
import * as tf from '@tensorflow/tfjs-core';
import { stridedIndex, type StridedSliceAttrs } from '../strided-index.js';
import { sizeOf, type Tensor } from '../tensor.js';
import { attrsOf, shaped, single, zeros, type Rule } from './rule.js';
import { scatterAlong } from './scatter-along.js';

const gatherV2: Rule = {
  kernelName: 'GatherV2',
  inputsToSave: ['x', 'indices'],
  reads: () => ['indices'],
  gradFunc: (dys, saved, attrs) => {
    const [x, indices] = saved as [Tensor, Tensor];
    const { axis, batchDims } = attrsOf<{ readonly axis: number; readonly batchDims: number }>(attrs);
    return {
      x: () => scatterAlong(single(dys), indices, x.shape, axis < 0 ? axis + x.rank : axis, batchDims),
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

/** The values' gradient goes back where they were; `x` is [..., n], and the places among the k largest are found again. */
const topK: Rule = {
  kernelName: 'TopK',
  inputsToSave: ['x'],
  gradFunc: (dys, saved, attrs) => {
    const [x] = saved as [Tensor];
    const { k, sorted } = attrsOf<{ readonly k: number; readonly sorted: boolean }>(attrs);
    return { x: () => scatterAlong(single(dys), tf.topk(x, k, sorted).indices, x.shape, x.rank - 1, x.rank - 1) };
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
  topK,
  select,
  shaped<StridedSliceAttrs>('StridedSlice', (dy, shape, attrs) => {
    const { index } = stridedIndex(shape, attrs);
    const sums = tf.scatterND(tf.tensor2d(index, [index.length, 1], 'int32'), tf.reshape(dy, [index.length]), [
      sizeOf(shape),
    ]);
    return tf.reshape(sums, shape);
  }),
];
