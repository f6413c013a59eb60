/**
 * What contenders in Node make of a task.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { GemmKind } from '../src/ops/backend.js';
import type { Tensor } from '../src/ops/tensor.js';
import { strideOf, type Task, type Variant } from './protocol.js';

/** Who computes on tfjs: Weft with its kernels, or tfjs as it is shipped. They run in processes of their own, since Weft mends kernels. */
export type Side = 'weft' | 'tfjs';

/** How a contender's process starts: what multiplies Weft's matrices, and its threads. */
export interface Start {
  readonly side: Side | 'jax';
  readonly gemm?: GemmKind;
  readonly threads?: number;
}

/** What a run made. */
export interface Made {
  /** What contenders must agree on: the numbers of each thing. */
  readonly values: () => ReadonlyArray<ArrayLike<number>>;
  readonly free: () => void;
}

/** Does a task whose inputs are in memory. This is timed; reading and freeing what it made is not. */
export type Run = (variant: Variant) => Made | Promise<Made>;

/** Brings the inputs of a task into memory. */
export type Prepare = (task: Task, start: Start) => Run | Promise<Run>;

/** Tensors that were made. `comparable` brings a tensor into the layout that contenders share. */
export const tensors = (made: ReadonlyArray<Tensor>, comparable = (t: Tensor): Tensor => t): Made => ({
  values: () => made.map((t) => comparable(t).dataSync()),
  free: () => tf.dispose([...made]),
});

/** An array that was made. */
export const array = (made: ArrayLike<number>): Made => ({ values: () => [made], free: () => undefined });

/** Numbers spread evenly over an array. */
export const spread = (values: ArrayLike<number>): number[] => {
  const step = strideOf(values.length);
  return Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step] as number);
};
