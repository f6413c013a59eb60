/**
 * The change of a matrix by a product as one operation, with gradients of every order: what most adapters do to a weight.
 *
 * Composed of tfjs's operations it writes the product, its multiples and the sum one after the other; backends that have the kernels
 * AddMatMul and AddHadamardMatMul read W and write the sum while the product is made.
 */
import * as tf from '@tensorflow/tfjs-core';
import { broadcastShapes } from './broadcast.js';
import { adjoints, productLike, type Product } from './gradients/product.js';
import { attrsOf, single, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import { matMul, matrixShape } from './mat-mul.js';
import { alias } from './reshape.js';
import { sameShape, showShape, sizeOf, type Shape, type Tensor } from './tensor.js';

/** Attributes of the kernels. */
export interface AddMatMulAttrs {
  readonly s: number;
  readonly transposeB: boolean;
  readonly transposeA: boolean;
  /** Whether W is needed no more: the sum may be written in its place, if no other tensor has its values. */
  readonly spends: boolean;
}

const times = (s: number, x: Tensor): Tensor => (s === 1 ? x : tf.mul(x, s));

/** The shape of op(B) op(A), undefined where their inner sizes differ. */
const productShape = ([B, A, tB, tA]: Product): Shape | undefined => {
  if (B.rank < 2 || A.rank < 2) return undefined;
  const [[m, k], [l, n]] = [matrixShape(B, tB), matrixShape(A, tA)];
  return k === l ? [...broadcastShapes(B.shape.slice(0, -2), A.shape.slice(0, -2)), m, n] : undefined;
};

/** What a product changes beside adding up: a factor s, and an elementwise one. */
export interface AddMatMulOptions {
  /** 1 unless told. */
  readonly s?: number;
  /** F of W's shape. */
  readonly factor?: Tensor;
  /** Whether A is given as [...batch, n, r]. */
  readonly transposeA?: boolean;
}

/**
 * `W' = W + s B A`, or with a factor `W' = W + s F * (B A)`, the elementwise product of F and B A; rounded as if done one by one, from the
 * product on.
 *
 * @param W float32 [...batch, m, n]
 * @param B float32 [...batch, m, r]
 * @param A float32 [...batch, r, n]; batch axes of B and A broadcast to those of W
 * @returns the shape of W
 * @throws RangeError where B A or F has not the shape of W
 */
export const addMatMul = (W: Tensor, B: Tensor, A: Tensor, options: AddMatMulOptions = {}): Tensor => {
  const { s = 1, factor: F, transposeA = false } = options;
  const changed = productShape([B, A, false, transposeA]);
  if (changed === undefined || !sameShape(changed, W.shape) || (F !== undefined && !sameShape(F.shape, W.shape)))
    throw new RangeError(`addMatMul of ${showShape(B.shape)} and ${showShape(A.shape)} to ${showShape(W.shape)}`);
  const name = F === undefined ? 'AddMatMul' : 'AddHadamardMatMul';
  if (hasKernel(name) && sizeOf(W.shape) * sizeOf(B.shape) > 0) {
    const attrs = { s, transposeB: false, transposeA, spends: false };
    return tf.engine().runKernel(name, F === undefined ? { W, B, A } : { W, F, B, A }, attrs);
  }
  const product = matMul(B, A, false, transposeA);
  return tf.add(W, times(s, F === undefined ? product : tf.mul(F, product)));
};

/**
 * sum + op(a) op(b), the product summed over batch axes that the sum has not. It may be written in the place of `sum`, whose values are not to
 * be read again, though it is still to be freed; no other tensor changes.
 */
export const addProduct = (sum: Tensor, product: Product): Tensor => {
  const [B, A, transposeB, transposeA] = product;
  const shape = productShape(product);
  const fits = shape !== undefined && sameShape(shape, sum.shape) && sizeOf(shape) * sizeOf(B.shape) > 0;
  return fits && hasKernel('AddMatMul')
    ? tf.engine().runKernel('AddMatMul', { W: sum, B, A }, { s: 1, transposeB, transposeA, spends: true })
    : tf.add(sum, productLike(product, sum));
};

/** Gradients of s op(B) op(A) for the cotangent that `dy` makes. */
const factorGradients = (
  dy: () => Tensor,
  B: Tensor,
  A: Tensor,
  { s, transposeB, transposeA }: AddMatMulAttrs,
): Readonly<Record<'B' | 'A', () => Tensor>> => ({
  B: () => times(s, productLike(adjoints(dy(), [B, A, transposeB, transposeA]).a, B)),
  A: () => times(s, productLike(adjoints(dy(), [B, A, transposeB, transposeA]).b, A)),
});

/** Rules of the kernels AddMatMul and AddHadamardMatMul. */
export const addMatMulRules: ReadonlyArray<Rule> = [
  {
    kernelName: 'AddMatMul',
    inputsToSave: ['B', 'A'],
    reads: (input) => (input === 'B' ? ['A'] : input === 'A' ? ['B'] : []),
    gradFunc: (dys, saved, attrs) => {
      const dy = single(dys);
      const [B, A] = saved as [Tensor, Tensor];
      return { W: () => alias(dy), ...factorGradients(() => dy, B, A, attrsOf<AddMatMulAttrs>(attrs)) };
    },
  },
  {
    kernelName: 'AddHadamardMatMul',
    inputsToSave: ['F', 'B', 'A'],
    reads: (input) => (input === 'F' ? ['B', 'A'] : input === 'B' ? ['F', 'A'] : input === 'A' ? ['F', 'B'] : []),
    gradFunc: (dys, saved, attrs) => {
      const dy = single(dys);
      const [F, B, A] = saved as [Tensor, Tensor, Tensor];
      const at = attrsOf<AddMatMulAttrs>(attrs);
      return {
        W: () => alias(dy),
        F: () => times(at.s, tf.mul(dy, matMul(B, A, at.transposeB, at.transposeA))),
        ...factorGradients(() => tf.mul(dy, F), B, A, at),
      };
    },
  },
];
