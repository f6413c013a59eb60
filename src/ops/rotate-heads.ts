/**
 * Rotation of heads by their positions, with the order of tokens and heads exchanged on the way.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, zeros, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import type { Tensor } from './tensor.js';

/** Cosines and signed sines of every position. */
export interface Rotation {
  /** [rows, 1, T, dim], one row a sequence or one row for all. */
  readonly cos: Tensor;
  /** -sin for the first half of the channels, +sin for the second: x2 moves to the first half with its sign turned. */
  readonly sin: Tensor;
}

const channels = (x: Tensor, from: number, to: number): Tensor =>
  tf.slice(x, [...Array<number>(x.rank - 1).fill(0), from], [...x.shape.slice(0, -1), to - from]);

/** The halves of the last axis in the other order. */
const swapHalves = (x: Tensor): Tensor => {
  const dim = x.shape.at(-1) as number;
  return tf.concat([channels(x, dim / 2, dim), channels(x, 0, dim / 2)], -1);
};

const swapAxes = (x: Tensor): Tensor => tf.transpose(x, [0, 2, 1, 3]);

const composed = (x: Tensor, { cos, sin }: Rotation): Tensor => {
  const heads = swapAxes(x);
  const [d, dim] = [x.shape.at(-1) as number, cos.shape.at(-1) as number];
  const turned = dim === d ? heads : channels(heads, 0, dim);
  const y = tf.add(tf.mul(turned, cos), tf.mul(swapHalves(turned), sin));
  return dim === d ? y : tf.concat([y, channels(heads, dim, d)], -1);
};

/** The kernels: tokens in front to heads in front, turned forward, and back again, which is the transpose. */
const kernels = ['RotateHeads', 'RotateHeadsBack'] as const;

const run = (name: (typeof kernels)[number], x: Tensor, { cos, sin }: Rotation): Tensor =>
  tf.engine().runKernel(name, { x, cos, sin });

/**
 * (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), where x1 and x2 are the halves of the first `dim` channels; the others are kept.
 *
 * Angles are constants: they have no gradient.
 *
 * @param x heads as they come from a projection, [B, T, H, d]
 * @returns [B, H, T, d]
 */
export const rotateHeads = (x: Tensor, angles: Rotation): Tensor =>
  hasKernel('RotateHeads') && x.size > 0 ? run('RotateHeads', x, angles) : composed(x, angles);

/** Rules of both kernels: each is the other's gradient, as both are linear. */
export const rotateHeadsRules: ReadonlyArray<Rule> = kernels.map((kernelName, i) => ({
  kernelName,
  inputsToSave: ['cos', 'sin'],
  gradFunc: (dy, saved) => {
    const [cos, sin] = saved as [Tensor, Tensor];
    const constant = ({ shape }: Tensor) => zeros(shape);
    return {
      x: () => run(kernels[1 - i] as (typeof kernels)[number], single(dy), { cos, sin }),
      cos: () => constant(cos),
      sin: () => constant(sin),
    };
  },
}));
