/**
 * Which input element lies under each position of a sliding kernel: pure, no tensors.
 */
import { showShape, sizeOf, type Shape } from './tensor.js';

/** Geometry of a convolution, one entry a spatial axis. */
export interface ConvAxes {
  readonly spatial: Shape;
  readonly kernel: Shape;
  readonly stride: Shape;
  /** Zeros before the first element. */
  readonly padding: Shape;
  readonly dilation: Shape;
}

/**
 * Sizes of the output with as many zeros after the last element as before the first.
 *
 * @throws when the kernel is larger than the padded input
 */
export const positionsOf = ({ spatial, kernel, stride, padding, dilation }: ConvAxes): Shape => {
  const at = (x: Shape, axis: number): number => x[axis] as number;
  const positions = spatial.map((n, i) =>
    Math.floor((n + 2 * at(padding, i) - at(dilation, i) * (at(kernel, i) - 1) - 1) / at(stride, i) + 1),
  );
  if (positions.some((n) => n < 1))
    throw new RangeError(`kernel ${showShape(kernel)} is larger than ${showShape(spatial)} padded`);
  return positions;
};

/** Coordinates of each element of a shape in row-major order, scaled by `step` and moved by `start`, axis by axis. */
const grid = (shape: Shape, step: Shape, start: Shape): Int32Array => {
  const rank = shape.length;
  const out = new Int32Array(sizeOf(shape) * rank);
  shape.forEach((n, axis) => {
    const inner = sizeOf(shape.slice(axis + 1));
    for (let flat = 0; flat < sizeOf(shape); flat++)
      out[flat * rank + axis] = (Math.floor(flat / inner) % n) * (step[axis] as number) + (start[axis] as number);
  });
  return out;
};

/**
 * `index[p * sizeOf(kernel) + k]`: the flat input element under kernel position k at output position p; positions in the
 * padding point one behind the last element.
 *
 * @param positions sizes of the output
 */
export const im2colIndex = ({ spatial, kernel, stride, padding, dilation }: ConvAxes, positions: Shape): Int32Array => {
  const rank = spatial.length;
  const corners = grid(
    positions,
    stride,
    padding.map((n) => -n),
  );
  const offsets = grid(
    kernel,
    dilation,
    kernel.map(() => 0),
  );
  const [count, outside] = [sizeOf(kernel), sizeOf(spatial)];
  const index = new Int32Array(sizeOf(positions) * count);
  for (let i = 0; i < index.length; i++) {
    const [p, k] = [Math.floor(i / count) * rank, (i % count) * rank];
    let flat = 0;
    for (let axis = 0; axis < rank && flat < outside; axis++) {
      const [c, n] = [(corners[p + axis] as number) + (offsets[k + axis] as number), spatial[axis] as number];
      flat = c >= 0 && c < n ? flat * n + c : outside;
    }
    index[i] = flat;
  }
  return index;
};
