/**
 * The backward pass: cotangents of results led back through a recording to the tensors that it started from.
 *
 * Saved tensors and cotangents are freed as soon as it is through with them.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Gradient, TapeNode } from './engine.js';
import { activeInputs, record, type Recording } from './recording.js';
import { alias, reshape } from './reshape.js';
import { release } from './tape.js';
import { sameShape, showShape, type Tensor } from './tensor.js';

/** Cotangents by tensor id; those of a view, in whatever shape, are with the tensor that it is a view of. */
type Cotangents = Map<number, Tensor>;

/** A backward pass under way. */
interface Pass extends Recording {
  readonly cotangents: Cotangents;
}

const idOf = ({ viewed }: Pass, x: Tensor): number => viewed.get(x.id) ?? x.id;

/** What has been gathered for x, in its shape; whoever takes it puts back what becomes of it, or frees it. */
const take = (pass: Pass, x: Tensor): Tensor | undefined => {
  const id = idOf(pass, x);
  const dx = pass.cotangents.get(id);
  pass.cotangents.delete(id);
  if (dx === undefined || sameShape(dx.shape, x.shape)) return dx;
  const shaped = reshape(dx, x.shape);
  dx.dispose();
  return shaped;
};

/** Adds to what has been gathered for x, by `sum` where there is something; it is `dx` where there is nothing. */
const gather = (pass: Pass, x: Tensor, dx: () => Tensor, sum: (before: Tensor) => Tensor): Tensor => {
  const before = take(pass, x);
  const all = before === undefined ? dx() : sum(before);
  before?.dispose();
  pass.cotangents.set(idOf(pass, x), all);
  return all;
};

/** The gradient that a node has for one of its inputs. */
const gradientAt = ({ kernelName, inputs }: TapeNode, rules: ReturnType<Gradient>, name: string): Tensor => {
  const dx = rules[name]?.();
  if (dx === undefined) throw new Error(`the gradient of ${kernelName} has no input ${name}`);
  const { shape } = inputs[name] as Tensor;
  if (sameShape(shape, dx.shape)) return dx;
  const shapes = `${showShape(dx.shape)} for ${showShape(shape)}`;
  throw new Error(`the gradient of ${kernelName} has a wrong shape at input ${name}: ${shapes}`);
};

/** Pulls the cotangents of a node's outputs back to its inputs, where they are added to those of other nodes. */
const throughNode = (node: TapeNode, pass: Pass): void => {
  const dys = node.outputs.map((y) => take(pass, y));
  if (dys.every((dy) => dy === undefined)) return;
  const { kernelName, inputs, gradient, adding } = node;
  if (gradient === undefined) throw new Error(`no gradient is registered for ${kernelName}`);
  tf.tidy(() => {
    const rules = gradient(dys);
    const sums = adding?.(dys);
    return activeInputs(node, pass.active).map((name) => {
      const dx = (): Tensor => gradientAt(node, rules, name);
      return gather(pass, inputs[name] as Tensor, dx, sums?.[name] ?? ((before) => tf.add(before, dx())));
    });
  });
  tf.dispose(dys.filter((dy) => dy !== undefined));
};

/** Results of a function, and the gradients of the tensors that it was given. */
export interface PulledBack {
  readonly ys: ReadonlyArray<Tensor>;
  /** One for each x; undefined where no result depends on it. */
  readonly dxs: ReadonlyArray<Tensor | undefined>;
}

/**
 * The product of cotangents with the Jacobian of f: `dxs[i] = sum over j of dys[j] dys/dxs`.
 *
 * `f` receives aliases of the tensors, so that a tensor that is given twice has two gradients. To be called in a tidy, which
 * owns what is returned.
 *
 * @param cotangentsOf the cotangents of the results, undefined for zero; they are freed
 */
export const pullBack = (
  f: (xs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>,
  xs: ReadonlyArray<Tensor>,
  cotangentsOf: (ys: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor | undefined>,
): PulledBack => {
  const inputs = xs.map(alias);
  const recording = record(inputs, () => tf.tidy(() => f(inputs).map(alias)));
  try {
    const ys = recording.value;
    const pass = { ...recording, cotangents: new Map<number, Tensor>() };
    cotangentsOf(ys).forEach((dy, i) => {
      if (dy === undefined) return;
      const sum = (before: Tensor): Tensor => tf.add(before, dy);
      gather(pass, ys[i] as Tensor, () => dy, sum);
    });
    for (const node of [...recording.nodes].toReversed()) {
      throughNode(node, pass);
      release([node]);
    }
    return { ys, dxs: inputs.map((x) => take(pass, x)) };
  } finally {
    release(recording.nodes);
  }
};
