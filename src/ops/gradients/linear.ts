/**
 * Gradients of matrix products.
 */
import { addProduct } from '../add-mat-mul.js';
import type { Tensor } from '../tensor.js';
import { adjoints, productLike, type Product } from './product.js';
import { attrsOf, single, type Rule } from './rule.js';

const productOf = (saved: ReadonlyArray<Tensor>, attrs: unknown): Product => {
  const [a, b] = saved as [Tensor, Tensor];
  const { transposeA, transposeB } = attrsOf<{ readonly transposeA: boolean; readonly transposeB: boolean }>(attrs);
  return [a, b, transposeA, transposeB];
};

/** Rule of `y = op(a) op(b)`; batch axes that were broadcast are summed. */
const batchMatMul: Rule = {
  kernelName: 'BatchMatMul',
  inputsToSave: ['a', 'b'],
  reads: (input) => (input === 'a' ? ['b'] : ['a']),
  gradFunc: (dy, saved, attrs) => {
    const [[a, b], d] = [saved as [Tensor, Tensor], adjoints(single(dy), productOf(saved, attrs))];
    return { a: () => productLike(d.a, a), b: () => productLike(d.b, b) };
  },
  adding: (dy, saved, attrs) => {
    const d = adjoints(single(dy), productOf(saved, attrs));
    return { a: (sum) => addProduct(sum, d.a), b: (sum) => addProduct(sum, d.b) };
  },
};

/** Rules of the matrix products. */
export const linear: ReadonlyArray<Rule> = [batchMatMul];
