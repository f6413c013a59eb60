/**
 * Gradients of tfjs's two-dimensional convolution: it has filter gradients on cpu and webgpu only.
 */
import * as tf from '@tensorflow/tfjs-core';
import { columnsOf, imagesOf } from '../columns.js';
import type { ConvAxes } from '../im2col.js';
import { matMul } from '../mat-mul.js';
import { sizeOf, type Shape, type Tensor } from '../tensor.js';
import { attrsOf, single, type Rule } from './rule.js';

type Info = Parameters<typeof tf.backend_util.computeConv2DInfo>;

interface Attrs {
  readonly strides: Info[2];
  readonly dilations: Info[3];
  readonly pad: Info[4];
  readonly dimRoundingMode?: Info[5];
  readonly dataFormat: string;
}

const geometryOf = (x: Tensor, filter: Tensor, attrs: Attrs): readonly [ConvAxes, positions: Shape] => {
  if (attrs.dataFormat !== 'NHWC') throw new Error(`conv2d of ${attrs.dataFormat} has no gradient`);
  const c = tf.backend_util.computeConv2DInfo(
    x.shape as Info[0],
    filter.shape as Info[1],
    attrs.strides,
    attrs.dilations,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const axes = {
    spatial: [c.inHeight, c.inWidth],
    kernel: [c.filterHeight, c.filterWidth],
    stride: [c.strideHeight, c.strideWidth],
    padding: [c.padInfo.top, c.padInfo.left],
    dilation: [c.dilationHeight, c.dilationWidth],
  };
  return [axes, [c.outHeight, c.outWidth]];
};

/** With X the patches of x as rows: y = X F, so dF = X^T dy, and dx adds up the patches dy F^T. */
const conv2d: Rule = {
  kernelName: 'Conv2D',
  inputsToSave: ['x', 'filter'],
  reads: (input) => (input === 'x' ? ['filter'] : ['x']),
  gradFunc: (dys, saved, attributes) => {
    const [x, filter] = saved as [Tensor, Tensor];
    const [axes, positions] = geometryOf(x, filter, attrsOf<Attrs>(attributes));
    const [images, channels, out] = [x.shape[0], x.shape[3], filter.shape[3]] as [number, number, number];
    const depth = sizeOf(axes.kernel) * channels;
    const rows = images * sizeOf(positions);
    const dy = tf.reshape(single(dys), [rows, out]);
    return {
      x: () => {
        const columns = matMul(dy, tf.reshape(filter, [depth, out]), false, true);
        const image = imagesOf(tf.reshape(columns, [images, sizeOf(positions), depth]), axes, positions);
        return tf.reshape(image, x.shape);
      },
      filter: () => {
        const columns = columnsOf(tf.reshape(x, [images, sizeOf(axes.spatial), channels]), axes, positions);
        return tf.reshape(matMul(tf.reshape(columns, [rows, depth]), dy, true, false), filter.shape);
      },
    };
  },
};

/** Rules of the convolutions. */
export const convolution: ReadonlyArray<Rule> = [conv2d];
