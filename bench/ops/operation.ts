/**
 * One operation, as Weft does it and as plain tfjs does it.
 */
import { tensorOf } from '../../src/ops/backend.js';
import type { Shape, Tensor } from '../../src/ops/tensor.js';
import { hashed } from '../hashed.js';
import { tensors, type Run, type Side } from '../made.js';

/** One operation. Both sides give the same numbers. */
export interface Operation {
  readonly name: string;
  /** What plain tfjs calls, for the table. */
  readonly against: string;
  readonly prepare: (side: Side) => Run;
}

/** An operation of one expression for each side, over inputs of given shapes. */
export const expression = (
  name: string,
  against: string,
  shapes: ReadonlyArray<Shape>,
  sides: Readonly<Record<Side, (...inputs: Tensor[]) => Tensor>>,
): Operation => ({
  name,
  against,
  prepare: (side) => {
    const inputs = shapes.map((shape, i) => numbers(i, shape));
    return () => tensors([sides[side](...inputs)]);
  },
});

/** A tensor of numbers that are the same on both sides. */
export const numbers = (seed: number, shape: Shape): Tensor => tensorOf(hashed(seed + 1, shape), shape);
