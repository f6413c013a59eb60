/**
 * Which input element lies under each position of a sliding kernel: pure, no tensors.
 */
import { showShape, sizeOf, type Shape } from './tensor.js';

/** Geometry of a convolution, one entry a spatial axis. */
export interface ConvAxes {
  readonly spatial: Shape;
  readonly kernel: Shape;
  readonly stride: Shape;
  readonly padding: Shape;
  readonly dilation: Shape;
}

/** `index[k * sizeOf(positions) + p]`: the flat input element under kernel position k at output position p. */
export interface Im2col {
  readonly index: Int32Array;
  /** Sizes of the output's spatial axes. */
  readonly positions: Shape;
}

/** Coordinates of a flat index. */
const unflatten = (flat: number, shape: Shape): ReadonlyArray<number> =>
  shape.map((d, i) => Math.floor(flat / sizeOf(shape.slice(i + 1))) % d);

/** For one axis, input coordinates by [kernel position][output position], -1 for the padding. */
const axisTable = (n: number, k: number, out: number, stride: number, padding: number, dilation: number): Int32Array =>
  Int32Array.from({ length: k * out }, (_, i) => {
    const at = (i % out) * stride + Math.floor(i / out) * dilation - padding;
    return at >= 0 && at < n ? at : -1;
  });

/**
 * Indices of a convolution's patches; positions in the padding point one behind the last input element.
 *
 * @throws when the kernel is larger than the padded input
 */
export const im2colIndex = ({ spatial, kernel, stride, padding, dilation }: ConvAxes): Im2col => {
  const at = (x: Shape, axis: number): number => x[axis] as number;
  const positions = spatial.map((n, i) =>
    Math.floor((n + 2 * at(padding, i) - at(dilation, i) * (at(kernel, i) - 1) - 1) / at(stride, i) + 1),
  );
  if (positions.some((n) => n < 1))
    throw new RangeError(`kernel ${showShape(kernel)} is larger than ${showShape(spatial)} padded`);
  const outside = sizeOf(spatial);
  const tables = spatial.map((n, i) =>
    axisTable(n, at(kernel, i), at(positions, i), at(stride, i), at(padding, i), at(dilation, i)),
  );
  const columns = Array.from({ length: sizeOf(positions) }, (_, p) => unflatten(p, positions));
  const index = new Int32Array(sizeOf(kernel) * columns.length);
  for (let k = 0; k < sizeOf(kernel); k++) {
    const offsets = unflatten(k, kernel);
    columns.forEach((p, j) => {
      const coordinates = tables.map((t, i) => t[at(offsets, i) * at(positions, i) + at(p, i)] as number);
      index[k * columns.length + j] = coordinates.includes(-1)
        ? outside
        : coordinates.reduce((flat, c, i) => flat * at(spatial, i) + c, 0);
    });
  }
  return { index, positions };
};
