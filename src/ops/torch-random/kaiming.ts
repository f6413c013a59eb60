/**
 * Kaiming uniform initialisation as `torch.nn.init.kaiming_uniform_` draws it.
 */
import { showShape, sizeOf, type Shape } from '../tensor.js';
import type { TorchGenerator } from './generator.js';
import { torchUniform, type TorchFloat } from './uniform.js';

/** Settings of `kaiming_uniform_` that PEFT uses, with torch's defaults. */
export interface Kaiming {
  /** Negative slope of the leaky ReLU behind the gain; 0 by default, sqrt(5) in most layers. */
  readonly a?: number;
  /** Which fan divides the variance; `fan_in` by default. */
  readonly mode?: 'fan_in' | 'fan_out';
  /** Storage type of the tensor that is filled; float32 by default. */
  readonly dtype?: TorchFloat;
}

/**
 * The bound `sqrt(3) gain / sqrt(fan)` with `gain = sqrt(2 / (1 + a^2))`, in float64 and in torch's order of operations;
 * fan_in of a shape (out, in, ...) is in times the rest, fan_out is out times the rest.
 *
 * Throws a `RangeError` for fewer than two axes.
 */
export const kaimingBound = (shape: Shape, { a = 0, mode = 'fan_in' }: Kaiming = {}): number => {
  const [out, into, ...receptive] = shape;
  if (out === undefined || into === undefined) {
    throw new RangeError(`a fan needs two axes or more, found the shape ${showShape(shape)}`);
  }
  const fan = (mode === 'fan_in' ? into : out) * sizeOf(receptive);
  const gain = Math.sqrt(2 / (1 + a * a));
  return Math.sqrt(3) * (gain / Math.sqrt(fan));
};

/** Values of `kaiming_uniform_(torch.empty(shape, dtype), a, mode)`, row-major: uniform in ±`kaimingBound`. */
export const torchKaimingUniform = (g: TorchGenerator, shape: Shape, kaiming: Kaiming = {}): Float32Array => {
  const bound = kaimingBound(shape, kaiming);
  return torchUniform(g, sizeOf(shape), -bound, bound, kaiming.dtype);
};
