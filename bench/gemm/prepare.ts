/**
 * A matrix product on tfjs.
 */
import * as tf from '@tensorflow/tfjs-core';
import { tensorOf } from '../../src/ops/backend.js';
import { matMul } from '../../src/ops/mat-mul.js';
import { hashed } from '../hashed.js';
import { tensors } from '../made.js';
import { onTfjs } from '../on-tfjs.js';
import type { Product } from './product.js';

export const prepare = onTfjs((task, side) => {
  const { a, b, transposeA, transposeB } = task as Product;
  const [x, y] = [tensorOf(hashed(1, a), a), tensorOf(hashed(2, b), b)];
  return side === 'weft'
    ? () => tensors([matMul(x, y, transposeA, transposeB)])
    : () => tensors([tf.matMul(x, y, transposeA, transposeB)]);
});
