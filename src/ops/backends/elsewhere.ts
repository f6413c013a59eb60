/**
 * Tensors whose values lie elsewhere, in a file say. Whoever reads one gets its values from there; where something is computed
 * with it, tfjs moves it to the backend that computes.
 */
import type { DataId, KernelBackend } from '@tensorflow/tfjs-core';
import type { Shape, Tensor } from '../tensor.js';
import { tf } from '../tf.js';

/** Values in row-major order: in `place` where that is given, in a new array otherwise. */
export type Values = (place?: Float32Array) => Float32Array;

const sources = new Map<DataId, Values>();

const valuesOf = (id: DataId): Float32Array => (sources.get(id) as Values)();

/** What tfjs asks of whoever holds a tensor's values; whatever else it may ask throws, as this computes nothing. */
const elsewhere = Object.assign(Object.create(tf.KernelBackend.prototype) as KernelBackend, {
  readSync: valuesOf,
  read: async (id: DataId) => valuesOf(id),
  disposeData: (id: DataId) => sources.delete(id),
  // no two tensors share values here: what shares them is computed, and so moved
  refCount: () => 1,
  numDataIds: () => sources.size,
});

/** A float32 tensor with these values, which are asked for each time that they are read. */
export const tensorElsewhere = (values: Values, shape: Shape): Tensor => {
  const dataId = {};
  sources.set(dataId, values);
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: 'float32' }, elsewhere);
};

/** Puts a tensor's values at a place, where they lie elsewhere; false for other tensors. */
export const putElsewhere = (t: Tensor, place: Float32Array): boolean => {
  const values = sources.get(t.dataId);
  values?.(place);
  return values !== undefined;
};
