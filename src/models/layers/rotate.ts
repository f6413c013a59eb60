/**
 * Rotation of query and key heads by their positions.
 */
import { tensorOf } from '../../ops/backend.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { attentionFactor, frequencies, type Rope } from './rope.js';

/** Position of every token: one row a sequence, or one row for all. */
export type Positions = ReadonlyArray<ReadonlyArray<number>>;

/** Cosines and signed sines of every position, both [rows, 1, T, dim]. */
export interface Rotation {
  readonly cos: Tensor;
  /** -sin for the first half of the channels, +sin for the second: x2 moves to the first half with its sign turned. */
  readonly sin: Tensor;
  readonly dim: number;
}

/**
 * Cosines and sines for positions, computed on the CPU in double precision: those of a GPU are too coarse for large angles.
 *
 * @param positions rows of T positions each
 */
export const rotationOf = (rope: Rope, positions: Positions): Rotation => {
  const { dim } = rope;
  const tokens = positions[0]?.length ?? 0;
  const length = positions.reduce((top, row) => row.reduce((a, b) => Math.max(a, b + 1), top), 0);
  const angles = frequencies(rope, length);
  const factor = attentionFactor(rope);
  const cos = new Float32Array(positions.length * tokens * dim);
  const sin = new Float32Array(cos.length);
  positions.flat().forEach((position, row) =>
    angles.forEach((frequency, i) => {
      const angle = Math.fround(frequency * position); // float32, as trained
      const first = row * dim + i;
      const second = first + dim / 2;
      cos[first] = cos[second] = Math.cos(angle) * factor;
      sin[second] = Math.sin(angle) * factor;
      sin[first] = -(sin[second] as number);
    }),
  );
  const shape = [positions.length, 1, tokens, dim];
  return { cos: tensorOf(cos, shape), sin: tensorOf(sin, shape), dim };
};

const channels = (x: Tensor, from: number, to: number): Tensor =>
  tf.slice(x, [...Array<number>(x.rank - 1).fill(0), from], [...x.shape.slice(0, -1), to - from]);

/**
 * (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), where x1 and x2 are the halves of the first `dim` channels; the others are kept.
 *
 * @param x heads [B, H, T, d]
 */
export const rotate = (x: Tensor, { cos, sin, dim }: Rotation): Tensor => {
  const d = x.shape[x.rank - 1] as number;
  const rotated = dim === d ? x : channels(x, 0, dim);
  const swapped = tf.concat([channels(x, dim / 2, dim), channels(x, 0, dim / 2)], -1);
  const y = tf.add(tf.mul(rotated, cos), tf.mul(swapped, sin));
  return dim === d ? y : tf.concat([y, channels(x, dim, d)], -1);
};
