/**
 * Convolutions of one, two and three spatial axes as one gather and one matrix product, so that they run and
 * differentiate on every backend (tfjs lacks filter gradients and Conv3D on wasm, and groups everywhere).
 */
import { im2colIndex, type ConvAxes } from './im2col.js';
import { matMul } from './mat-mul.js';
import { showShape, sizeOf, type Shape, type Tensor } from './tensor.js';
import { tf } from './tf.js';

/** Geometry of a convolution in torch's terms; a single number holds for all spatial axes. */
export interface ConvOptions {
  readonly stride?: number | Shape;
  readonly padding?: number | Shape;
  readonly dilation?: number | Shape;
  readonly groups?: number;
}

const perAxis = (value: number | Shape | undefined, otherwise: number, axes: number): Shape =>
  typeof value === 'object' ? value : Array<number>(axes).fill(value ?? otherwise);

/** True when each position sees itself only: a product along channels. */
const isPointwise = ({ kernel, stride, padding }: ConvAxes): boolean =>
  [...kernel, ...stride].every((n) => n === 1) && padding.every((n) => n === 0);

/** The patches under each kernel position: [rows, space] to [rows, kernel positions * output positions]. */
const patches = (x: Tensor, axes: ConvAxes, index: Int32Array): Tensor => {
  if (isPointwise(axes)) return x;
  // One zero behind the last element is what indices in the padding point at.
  const padded = axes.padding.every((n) => n === 0) ? x : tf.concat([x, tf.zeros([x.shape[0] as number, 1])], 1);
  return tf.gather(padded, tf.tensor1d(index, 'int32'), 1);
};

/**
 * Cross-correlation as in torch, zeros around the input:
 * `y[n, o, p] = sum over c, k of W[o, c, k] x[n, g C/G + c, p stride + k dilation - padding]`, with g the group of o.
 *
 * @param x [N, C, ...spatial], one to three spatial axes
 * @param W [out, C / groups, ...kernel]
 * @returns [N, out, ...]; differentiable in x and W
 * @throws when shapes do not fit or the kernel is larger than the padded input
 */
export const convNd = (x: Tensor, W: Tensor, options: ConvOptions = {}): Tensor => {
  const [n, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const [out, perGroup, ...kernel] = W.shape as [number, number, ...number[]];
  const { groups = 1 } = options;
  if (spatial.length !== kernel.length || perGroup * groups !== channels || out % groups !== 0) {
    throw new RangeError(`convNd of ${showShape(x.shape)} with ${showShape(W.shape)} in ${groups} groups`);
  }
  const axes: ConvAxes = {
    spatial,
    kernel,
    stride: perAxis(options.stride, 1, kernel.length),
    padding: perAxis(options.padding, 0, kernel.length),
    dilation: perAxis(options.dilation, 1, kernel.length),
  };
  const { index, positions } = im2colIndex(axes);
  const columns = patches(tf.reshape(x, [n * channels, sizeOf(spatial)]), axes, index);
  const depth = perGroup * sizeOf(kernel);
  // [groups, out/groups, depth] times [N, groups, depth, positions]
  const y = matMul(
    tf.reshape(W, [groups, out / groups, depth]),
    tf.reshape(columns, [n, groups, depth, sizeOf(positions)]),
  );
  return tf.reshape(y, [n, out, ...positions]);
};
