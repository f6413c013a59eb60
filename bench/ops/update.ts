/**
 * Updates of one large weight.
 */
import * as tf from '@tensorflow/tfjs-core';
import { lowRank, normalize } from '../../src/adapters/update.js';
import { applyUpdate } from '../../src/adapters/updates/apply.js';
import { scope } from '../../src/ops/backend.js';
import type { Shape, Tensor } from '../../src/ops/tensor.js';
import { expression, type Operation } from './operation.js';

const [N, R, S] = [2048, 16, 2] as const;
const factors: ReadonlyArray<Shape> = [
  [N, N],
  [N, R],
  [R, N],
];

const merged = (W: Tensor, B: Tensor, A: Tensor): Tensor => tf.add(W, tf.mul(tf.matMul(B, A), S));

/** LoRA and DoRA on a weight of 2048 x 2048. */
export const updateOperations: ReadonlyArray<Operation> = [
  expression('LoRA merge, 2048 x 2048, r = 16', 'W + s B A', factors, {
    weft: (W, B, A) => scope(() => applyUpdate(lowRank(B as Tensor, A as Tensor, S), W as Tensor)),
    tfjs: (W, B, A) => tf.tidy(() => merged(W as Tensor, B as Tensor, A as Tensor)),
  }),
  expression('DoRA merge, 2048 x 2048, r = 16', 'm V / ||V||, V = W + s B A', [...factors, [N]], {
    weft: (W, B, A, m) =>
      scope(() => applyUpdate(normalize(lowRank(B as Tensor, A as Tensor, S), m as Tensor, 0), W as Tensor)),
    tfjs: (W, B, A, m) =>
      tf.tidy(() => {
        const V = merged(W as Tensor, B as Tensor, A as Tensor);
        return tf.mul(V, tf.div(tf.reshape(m as Tensor, [-1, 1]), tf.norm(V, 2, 1, true)));
      }),
  }),
];
