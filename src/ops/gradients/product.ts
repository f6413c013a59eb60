/**
 * The gradient of a matrix product as products.
 */
import { matMul } from '../mat-mul.js';
import type { Tensor } from '../tensor.js';
import { unbroadcast } from './rule.js';

/** Arguments of `matMul`. */
export type Product = readonly [a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean];

/**
 * The gradients of y = op(a) op(b), before batch axes that were broadcast are summed: a enters as op(a), so da = op(dy op(b)^T), and db
 * likewise; the transposes fold into the flags.
 */
export const adjoints = (dy: Tensor, [a, b, tA, tB]: Product): Readonly<Record<'a' | 'b', Product>> => ({
  a: tA ? [b, dy, tB, true] : [dy, b, false, !tB],
  b: tB ? [dy, a, true, tA] : [a, dy, !tA, false],
});

/** A product summed over the batch axes that `like` does not have. */
export const productLike = (product: Product, like: Tensor): Tensor => unbroadcast(matMul(...product), like.shape);
