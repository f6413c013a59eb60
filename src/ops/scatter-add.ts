/**
 * A sparse change of a tensor as one operation, with gradients of every order.
 *
 * Composed of tfjs's operations it takes tensors of zeros and more passes over memory; backends that have the kernel
 * ScatterAdd copy x once and add in place.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, zeros, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import { sizeOf, type Tensor } from './tensor.js';

const flat = (x: Tensor): Tensor => tf.reshape(x, [x.size]);

/**
 * x with values added at some of its elements: `y[index[i]] = x[index[i]] + values[i]`, all other elements kept.
 *
 * @param x float32 of any shape, n elements
 * @param index places in row-major order, in [0, n); what comes more than once is added up
 * @param values float32 [k], one an index
 * @returns the shape of x
 * @throws RangeError for another number of values; on wasm also for a place outside of x
 */
export const scatterAdd = (x: Tensor, index: Int32Array, values: Tensor): Tensor => {
  const k = index.length;
  if (values.size !== k) throw new RangeError(`scatterAdd: ${values.size} values at ${k} places`);
  if (k === 0) return tf.clone(x);
  if (hasKernel('ScatterAdd'))
    return tf.engine().runKernel('ScatterAdd', { x, index: tf.tensor1d(index, 'int32'), values: flat(values) });
  const places = tf.tensor2d(index, [k, 1], 'int32');
  const scattered = (v: Tensor): Tensor => tf.reshape(tf.scatterND(places, v, [sizeOf(x.shape)]), x.shape);
  // adding 0 elsewhere would turn -0 into 0
  const touched = tf.cast(scattered(tf.fill([k], 1)), 'bool');
  return tf.where(touched, tf.add(x, scattered(flat(values))), x);
};

/** Rule of the kernel ScatterAdd: dx = dy, and the values get what lies at their places. */
export const scatterAddRule: Rule = {
  kernelName: 'ScatterAdd',
  inputsToSave: ['index'],
  reads: (input) => (input === 'values' ? ['index'] : []),
  gradFunc: (dys, saved) => {
    const [index] = saved as [tf.Tensor1D];
    return {
      x: () => tf.clone(single(dys)),
      values: () => tf.gather(flat(single(dys)), index),
      index: () => zeros(index.shape),
    };
  },
};
