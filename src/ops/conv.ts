/**
 * Convolutions of one, two and three spatial axes: a kernel of our own on wasm; elsewhere tfjs's kernel where it has one, else one
 * gather and one matrix product, so that they run and differentiate on every backend.
 */
import { columnsOf } from './columns.js';
import { convolve, hasConvKernel } from './conv-kernel.js';
import { positionsOf, type ConvAxes } from './im2col.js';
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

/** What tfjs's kernel computes: two axes (or one, beside one of size 1), and no stride together with a dilation. */
const isConv2d = ({ spatial, stride, dilation }: ConvAxes): boolean =>
  (spatial.length === 1 || spatial.length === 2) && (stride.every((n) => n === 1) || dilation.every((n) => n === 1));

type Pair = [number, number];

/** By tfjs's kernel, which takes channels last; one axis is the second of two. */
const byKernel = (x: Tensor, W: Tensor, axes: ConvAxes): Tensor => {
  const two = (shape: Shape, one: number): Pair => [...Array<number>(2 - shape.length).fill(one), ...shape] as Pair;
  const [n, channels] = x.shape as Pair;
  const [out] = W.shape as Pair;
  const image = tf.reshape(x, [n, channels, ...two(axes.spatial, 1)]);
  const filter = tf.reshape(W, [out, channels, ...two(axes.kernel, 1)]);
  const [high, wide] = two(axes.padding, 0);
  return tf.transpose(
    tf.conv2d(
      tf.transpose(image, [0, 2, 3, 1]) as tf.Tensor4D,
      tf.transpose(filter, [2, 3, 1, 0]) as tf.Tensor4D,
      two(axes.stride, 1),
      high + wide === 0
        ? 'valid'
        : [
            [0, 0],
            [high, high],
            [wide, wide],
            [0, 0],
          ],
      'NHWC',
      two(axes.dilation, 1),
    ),
    [0, 3, 1, 2],
  );
};

/** By one product for each group: [N P, K c] times [K c, o], with c and o the channels of a group. */
const byProduct = (x: Tensor, W: Tensor, axes: ConvAxes, positions: Shape, groups: number): Tensor => {
  const [n, channels] = x.shape as Pair;
  const [out, c] = [W.shape[0] as number, channels / groups];
  const [S, K, P, o] = [sizeOf(axes.spatial), sizeOf(axes.kernel), sizeOf(positions), out / groups];
  const images = tf.transpose(tf.reshape(x, [n, groups, c, S]), [1, 0, 3, 2]);
  const columns = columnsOf(tf.reshape(images, [groups * n, S, c]), axes, positions);
  const filter = tf.transpose(tf.reshape(W, [groups, o, c, K]), [0, 3, 2, 1]);
  const y = matMul(tf.reshape(columns, [groups, n * P, K * c]), tf.reshape(filter, [groups, K * c, o]));
  return tf.transpose(tf.reshape(y, [groups, n, P, o]), [1, 0, 3, 2]);
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
  const positions = positionsOf(axes);
  // Kernels fail on empty tensors; an empty sum is zero.
  if (sizeOf(x.shape) * sizeOf(W.shape) === 0) return tf.fill([n, out, ...positions], 0);
  if (hasConvKernel()) return convolve(x, W, { axes, positions, groups });
  const y = groups === 1 && isConv2d(axes) ? byKernel(x, W, axes) : byProduct(x, W, axes, positions, groups);
  return tf.reshape(y, [n, out, ...positions]);
};
