/**
 * Convolution in torch's layout as one kernel, for backends that have it, with gradients of every order: it is linear in the image
 * and in the filter, and so are both of its adjoints.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import type { ConvAxes } from './im2col.js';
import type { Shape, Tensor } from './tensor.js';

/** What the three kernels know beside their inputs. */
export interface ConvAttrs {
  readonly axes: ConvAxes;
  /** Sizes of the output. */
  readonly positions: Shape;
  readonly groups: number;
}

/** Their names. */
export const convKernels = ['ConvNd', 'ConvNdInput', 'ConvNdFilter'] as const;

const run = (name: (typeof convKernels)[number], inputs: tf.NamedTensorMap, attrs: ConvAttrs): Tensor =>
  tf.engine().runKernel(name, inputs, attrs as unknown as tf.NamedAttrMap);

/** Whether the current backend convolves in torch's layout. */
export const hasConvKernel = (): boolean => hasKernel('ConvNd');

/** y of x [N, C, ...spatial] and W [out, C / groups, ...kernel]. */
export const convolve = (x: Tensor, W: Tensor, attrs: ConvAttrs): Tensor => run('ConvNd', { x, W }, attrs);

/** dx of dy [N, out, ...positions] and W. */
const inputOf = (dy: Tensor, W: Tensor, attrs: ConvAttrs): Tensor => run('ConvNdInput', { dy, W }, attrs);

/** dW of x and dy. */
const filterOf = (x: Tensor, dy: Tensor, attrs: ConvAttrs): Tensor => run('ConvNdFilter', { x, dy }, attrs);

type Bilinear = (a: Tensor, b: Tensor, attrs: ConvAttrs) => Tensor;

/** Rule of a kernel of two inputs: `da = f(v, b)` and `db = g(a, v)` of the cotangent v, with arguments in any order. */
const rule = (kernelName: string, [a, b]: readonly [string, string], f: Bilinear, g: Bilinear): Rule => ({
  kernelName,
  inputsToSave: [a, b],
  gradFunc: (cotangent, saved, attributes) => {
    const [v, attrs] = [single(cotangent), attributes as unknown as ConvAttrs];
    const [first, second] = saved as [Tensor, Tensor];
    return { [a]: () => f(v, second, attrs), [b]: () => g(first, v, attrs) };
  },
});

/** Rules of the convolution and of its two adjoints. */
export const convRules: ReadonlyArray<Rule> = [
  rule('ConvNd', ['x', 'W'], inputOf, filterOf),
  rule('ConvNdInput', ['dy', 'W'], convolve, (dy, v, attrs) => filterOf(v, dy, attrs)),
  rule(
    'ConvNdFilter',
    ['x', 'dy'],
    (v, dy, attrs) => inputOf(dy, v, attrs),
    (x, v, attrs) => convolve(x, v, attrs),
  ),
];
