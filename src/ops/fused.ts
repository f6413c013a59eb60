/**
 * Operations that are one kernel where the backend has it, and composed of tfjs's operations elsewhere.
 *
 * A kernel NAME comes with NAMEGrad, which gives gradients of its inputs in one pass. All others, those of NAMEGrad among them, are what the
 * composition has: they are right to every order, and as slow as the composition.
 */
import * as tf from '@tensorflow/tfjs-core';
import { single, zeros, type Rule } from './gradients/rule.js';
import { hasKernel } from './has-kernel.js';
import { pullBack } from './pull-back.js';
import type { Tensor } from './tensor.js';

/** An operation of one output. */
export interface Fused<A> {
  readonly kernelName: string;
  /** Names of the inputs, in the order of `composed`. */
  readonly inputs: ReadonlyArray<string>;
  /** The inputs whose gradients NAMEGrad gives, in its order. */
  readonly gradients: ReadonlyArray<string>;
  /** Gradients of other inputs that take less than the composition's, by operations that have gradients. */
  readonly others?: Readonly<Record<string, (dy: Tensor, inputs: ReadonlyArray<Tensor>, attrs: A) => Tensor>>;
  /** What the kernel computes, by operations that have gradients. */
  readonly composed: (inputs: ReadonlyArray<Tensor>, attrs: A) => Tensor;
}

const named = (names: ReadonlyArray<string>, tensors: ReadonlyArray<Tensor>): tf.NamedTensorMap =>
  Object.fromEntries(names.map((name, i) => [name, tensors[i] as Tensor] as const));

/** The result of an operation, by its kernel where the current backend has one. */
export const compute = <A extends object>(op: Fused<A>, inputs: ReadonlyArray<Tensor>, attrs: A): Tensor =>
  hasKernel(op.kernelName)
    ? tf.engine().runKernel(op.kernelName, named(op.inputs, inputs), attrs as unknown as tf.NamedAttrMap)
    : op.composed(inputs, attrs);

/** Gradients of f in those of its arguments that stand at some places, for cotangents of its results. */
const gradientsOf = (
  f: (xs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>,
  xs: ReadonlyArray<Tensor>,
  places: ReadonlyArray<number>,
  dys: ReadonlyArray<Tensor>,
): ReadonlyArray<Tensor> => {
  const chosen = places.map((i) => xs[i] as Tensor);
  const g = (moved: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> => f(xs.map((x, i) => moved[places.indexOf(i)] ?? x));
  const { dxs } = pullBack(g, chosen, () => dys.map((dy) => tf.clone(dy)));
  return chosen.map((x, i) => dxs[i] ?? zeros(x.shape));
};

/** Rules of the kernels NAME and NAMEGrad. */
export const rulesOf = <A extends object>(op: Fused<A>): ReadonlyArray<Rule> => {
  const { kernelName, inputs, gradients, others = {}, composed } = op;
  const gradName = `${kernelName}Grad`;
  const gradInputs = ['dy', ...inputs];
  const places = gradients.map((name) => inputs.indexOf(name));
  return [
    {
      kernelName,
      inputsToSave: [...inputs],
      gradFunc: (dy, saved, attrs) => {
        const v = single(dy);
        // at once for all: tfjs asks for one after the other, and frees in between
        const found = tf.engine().runKernel(gradName, named(gradInputs, [v, ...saved]), attrs) as Tensor | Tensor[];
        const fromKernel = [found].flat();
        const other = (name: string, i: number): Tensor =>
          others[name]?.(v, saved, attrs as unknown as A) ??
          (gradientsOf((xs) => [composed(xs, attrs as unknown as A)], saved, [i], [v])[0] as Tensor);
        return Object.fromEntries(
          inputs.map((name, i) => {
            const at = gradients.indexOf(name);
            return [name, () => (at < 0 ? other(name, i) : (fromKernel[at] as Tensor))] as const;
          }),
        );
      },
    },
    {
      kernelName: gradName,
      inputsToSave: gradInputs,
      gradFunc: (cotangents, saved, attrs) => {
        const backward = ([dy, ...xs]: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> =>
          gradientsOf((ys) => [composed(ys, attrs as unknown as A)], xs, places, [dy as Tensor]);
        const found = gradientsOf(backward, saved, [...saved.keys()], [cotangents].flat());
        return Object.fromEntries(gradInputs.map((name, i) => [name, () => found[i] as Tensor] as const));
      },
    },
  ];
};
