/**
 * One operation, as Weft does it and as plain tfjs does it.
 */
import { normalValues, key } from '../../src/ops/random.js';
import { tensorOf } from '../../src/ops/backend.js';
import { sizeOf, type Shape, type Tensor } from '../../src/ops/tensor.js';

/** Who computes. The sides run in processes of their own, since Weft mends tfjs's kernels where it is loaded. */
export type Side = 'weft' | 'tfjs';

/** What a run makes: tensors, which are freed after it, or an array. */
export type Made = ReadonlyArray<Tensor> | Float32Array | Uint8Array;

/** One operation. Both sides give the same numbers. */
export interface Case {
  readonly name: string;
  /** What plain tfjs calls, for the table. */
  readonly against: string;
  /** Makes the inputs and gives what is timed. */
  readonly prepare: (side: Side) => () => Made;
  /** Brings a tensor of tfjs's layout into Weft's, where they differ, so that results can be compared; not timed. */
  readonly inOurLayout?: (made: Tensor) => Tensor;
}

/** A case of one expression for each side, over inputs of given shapes. */
export const expressionCase = (
  name: string,
  against: string,
  shapes: ReadonlyArray<Shape>,
  sides: Readonly<Record<Side, (...inputs: Tensor[]) => Tensor>>,
): Case => ({
  name,
  against,
  prepare: (side) => {
    const inputs = shapes.map((shape, i) => numbers(i, shape));
    return () => [sides[side](...inputs)];
  },
});

/** Normal numbers, the same on both sides. */
export const numbers = (seed: number, shape: Shape, std = 1): Tensor =>
  tensorOf(normalValues(key(seed), sizeOf(shape), 0, std), shape);
