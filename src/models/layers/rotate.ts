/**
 * Rotation by which heads are rotated at their positions.
 */
import { tensorOf } from '../../ops/backend.js';
import type { Rotation } from '../../ops/rotate-heads.js';
import { attentionFactor, frequencies, type Rope } from './rope.js';

/** Position of every token: one row a sequence, or one row for all. */
export type Positions = ReadonlyArray<ReadonlyArray<number>>;

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
  return { cos: tensorOf(cos, shape), sin: tensorOf(sin, shape) };
};
