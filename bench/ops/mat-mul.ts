/**
 * Matrix products.
 */
import * as tf from '@tensorflow/tfjs-core';
import { matMul } from '../../src/ops/mat-mul.js';
import type { Shape } from '../../src/ops/tensor.js';
import { expressionCase, type Case } from './case.js';

const product = (name: string, a: Shape, b: Shape, transposeA: boolean, transposeB: boolean): Case =>
  expressionCase(name, 'tf.matMul', [a, b], {
    weft: (x, y) => matMul(x, y, transposeA, transposeB),
    tfjs: (x, y) => tf.matMul(x, y, transposeA, transposeB),
  });

/** Square products plain and transposed, and the batched ones of attention: 8 sequences of 128 tokens, 4 heads of 64. */
export const matMulCases: ReadonlyArray<Case> = [
  product('matMul 512, A B', [512, 512], [512, 512], false, false),
  product('matMul 512, A B^T', [512, 512], [512, 512], false, true),
  product('matMul 512, A^T B', [512, 512], [512, 512], true, false),
  product('matMul, one row: x W^T', [1, 1024], [1024, 1024], false, true),
  product('matMul, batch 32: Q K^T', [32, 128, 64], [32, 128, 64], false, true),
  product('matMul, batch 32: P V', [32, 128, 128], [32, 128, 64], false, false),
  product('matMul, batch 32: P^T dY', [32, 128, 128], [32, 128, 64], true, false),
];
