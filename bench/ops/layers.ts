/**
 * Layers: normalisation, embedding, convolution.
 */
import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../../src/models/layers/embedding.js';
import { scope } from '../../src/ops/backend.js';
import { convNd } from '../../src/ops/conv.js';
import { layerNorm, rmsNorm } from '../../src/ops/norm.js';
import { logSoftmax } from '../../src/ops/softmax.js';
import type { Shape, Tensor } from '../../src/ops/tensor.js';
import { tensors } from '../made.js';
import { expression, numbers, type Operation } from './operation.js';

const EPS = 1e-5;
const tokens: Shape = [8, 128, 768];

const norms: ReadonlyArray<Operation> = [
  expression('layerNorm [8, 128, 768]', 'moments, sub, div, mul, add', [tokens, [768], [768]], {
    weft: (x, w, b) => scope(() => layerNorm(x, w, b, EPS)),
    tfjs: (x, w, b) =>
      tf.tidy(() => {
        const { mean, variance } = tf.moments(x, -1, true);
        const unit = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, EPS)));
        return tf.add(tf.mul(unit, w as Tensor), b as Tensor);
      }),
  }),
  expression('rmsNorm [8, 128, 768]', 'square, mean, sqrt, div, mul', [tokens, [768]], {
    weft: (x, w) => scope(() => rmsNorm(x, w, EPS)),
    tfjs: (x, w) =>
      tf.tidy(() => {
        const root = tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), EPS));
        return tf.mul(tf.div(x, root), w as Tensor);
      }),
  }),
  expression('logSoftmax [512, 4000]', 'tf.logSoftmax', [[512, 4000]], {
    weft: (x) => scope(() => logSoftmax(x)),
    tfjs: (x) => tf.logSoftmax(x),
  }),
];

const gather: Operation = {
  name: 'embedding, 1024 rows of 768',
  against: 'tf.gather',
  prepare: (side) => {
    const W = numbers(0, [8000, 768]);
    const ids = tf.tensor2d(
      Int32Array.from({ length: 1024 }, (_, i) => (i * 7919) % 8000),
      [8, 128],
      'int32',
    );
    return () =>
      tensors([side === 'weft' ? scope(() => embedding({ 'wte.weight': W }, 'wte', ids)) : tf.gather(W, ids)]);
  },
};

/** Each library gets its own layout: torch's [N, C, H, W] and [out, in, k, k], tfjs's [N, H, W, C] and [k, k, in, out]. */
const convolution = (name: string, x: Shape, W: Shape, padding: number, stride: number): Operation => ({
  name,
  against: 'tf.conv2d',
  prepare: (side) => {
    const [input, weight] = [numbers(0, x), numbers(1, W)];
    if (side === 'weft') return () => tensors([scope(() => convNd(input, weight, { padding, stride }))]);
    const channelsLast = tf.transpose(input, [0, 2, 3, 1]) as tf.Tensor4D;
    const filter = tf.transpose(weight, [2, 3, 1, 0]) as tf.Tensor4D;
    const ourLayout = (y: Tensor): Tensor => tf.transpose(y, [0, 3, 1, 2]);
    return () => tensors([tf.conv2d(channelsLast, filter, stride, padding)], ourLayout);
  },
});

/** Layers at the sizes of small models. */
export const layerOperations: ReadonlyArray<Operation> = [
  ...norms,
  gather,
  convolution('conv 3 x 3, 32 to 64 channels, 32 x 32', [4, 32, 32, 32], [64, 32, 3, 3], 1, 1),
  convolution('conv 1 x 1, 64 to 64 channels, 32 x 32', [4, 64, 32, 32], [64, 64, 1, 1], 0, 1),
  convolution('conv 16 x 16 patches of 224 x 224', [1, 3, 224, 224], [192, 3, 16, 16], 0, 16),
];
