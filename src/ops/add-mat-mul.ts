/**
 * The change of a matrix by a product as one operation, with gradients of every order: what most adapters do to a weight.
 *
 * Composed of tfjs's operations it writes the product, its multiples and the sum one after the other; backends that have the kernels
 * AddMatMul and AddHadamardMatMul read W and write the sum while the product is made.
 */
import * as tf from '@tensorflow/tfjs-core';
import { broadcastShapes } from './broadcast.js';
import { attrsOf, single, unbroadcast, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import { matMul } from './mat-mul.js';
import { alias } from './reshape.js';
import { sameShape, showShape, sizeOf, type Shape, type Tensor } from './tensor.js';

const times = (s: number, x: Tensor): Tensor => (s === 1 ? x : tf.mul(x, s));

/** The shape of B A, undefined where their inner sizes differ. */
const productShape = (B: Tensor, A: Tensor): Shape | undefined =>
  B.rank < 2 || A.rank < 2 || B.shape.at(-1) !== A.shape.at(-2)
    ? undefined
    : [
        ...broadcastShapes(B.shape.slice(0, -2), A.shape.slice(0, -2)),
        B.shape.at(-2) as number,
        A.shape.at(-1) as number,
      ];

/** What a product changes beside adding up: a factor s, and an elementwise one. */
export interface AddMatMulOptions {
  /** 1 unless told. */
  readonly s?: number;
  /** F of W's shape. */
  readonly factor?: Tensor;
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
export const addMatMul = (W: Tensor, B: Tensor, A: Tensor, { s = 1, factor: F }: AddMatMulOptions = {}): Tensor => {
  const changed = productShape(B, A);
  if (changed === undefined || !sameShape(changed, W.shape) || (F !== undefined && !sameShape(F.shape, W.shape)))
    throw new RangeError(`addMatMul of ${showShape(B.shape)} and ${showShape(A.shape)} to ${showShape(W.shape)}`);
  const name = F === undefined ? 'AddMatMul' : 'AddHadamardMatMul';
  if (hasKernel(name) && sizeOf(W.shape) * sizeOf(B.shape) > 0)
    return tf.engine().runKernel(name, F === undefined ? { W, B, A } : { W, F, B, A }, { s });
  const product = matMul(B, A);
  return tf.add(W, times(s, F === undefined ? product : tf.mul(F, product)));
};

/** Gradients of s B A for the cotangent that `dy` makes. */
const factorGradients = (
  dy: () => Tensor,
  B: Tensor,
  A: Tensor,
  s: number,
): Readonly<Record<'B' | 'A', () => Tensor>> => ({
  B: () => unbroadcast(times(s, matMul(dy(), A, false, true)), B.shape),
  A: () => unbroadcast(times(s, matMul(B, dy(), true)), A.shape),
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
      return { W: () => alias(dy), ...factorGradients(() => dy, B, A, attrsOf<{ readonly s: number }>(attrs).s) };
    },
  },
  {
    kernelName: 'AddHadamardMatMul',
    inputsToSave: ['F', 'B', 'A'],
    reads: (input) => (input === 'F' ? ['B', 'A'] : input === 'B' ? ['F', 'A'] : input === 'A' ? ['F', 'B'] : []),
    gradFunc: (dys, saved, attrs) => {
      const dy = single(dys);
      const [F, B, A] = saved as [Tensor, Tensor, Tensor];
      const { s } = attrsOf<{ readonly s: number }>(attrs);
      return {
        W: () => alias(dy),
        F: () => times(s, tf.mul(dy, matMul(B, A))),
        ...factorGradients(() => tf.mul(dy, F), B, A, s),
      };
    },
  },
];
