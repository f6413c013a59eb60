/**
 * Zero padding of one axis: works for every rank (tfjs on webgpu pads up to rank 4 only).
 */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type Tensor } from './tensor.js';

/** `x` with `before` and `after` zeros put around `axis`. */
export const padAxis = (x: Tensor, axis: number, before: number, after: number): Tensor => {
  if (before === 0 && after === 0) return x;
  const n = x.shape[axis] as number;
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const folded = tf.reshape(x, [sizeOf(outer), n, sizeOf(inner)]);
  const padded = tf.pad(folded, [
    [0, 0],
    [before, after],
    [0, 0],
  ]);
  return tf.reshape(padded, [...outer, before + n + after, ...inner]);
};
