/**
 * The backward pass: cotangents of results led back through a recording to the tensors that it started from.
 *
 * Saved tensors and cotangents are freed as soon as it is through with them.
 */
import * as tf from '@tensorflow/tfjs-core';
import { activeInputs, record, type Recording } from './recording.js';
import type { TapeNode } from './engine.js';
import { alias } from './reshape.js';
import { release } from './tape.js';
import { sameShape, showShape, type Tensor } from './tensor.js';

/** Cotangents by tensor id. */
type Cotangents = Map<number, Tensor>;

/** Adds `dx` to what has been gathered for `x`; both summands are freed. */
const accumulate = (cotangents: Cotangents, x: Tensor, dx: Tensor): void => {
  const before = cotangents.get(x.id);
  cotangents.set(x.id, before === undefined ? dx : tf.add(before, dx));
  if (before !== undefined) tf.dispose([before, dx]);
};

/** Pulls the cotangents of a node's outputs back to its inputs and frees them. */
const throughNode = (node: TapeNode, active: ReadonlySet<number>, cotangents: Cotangents): void => {
  const names = activeInputs(node, active);
  const dys = node.outputs.map((t) => cotangents.get(t.id));
  if (dys.every((dy) => dy === undefined)) return;
  const { gradient } = node;
  if (gradient === undefined) throw new Error(`no gradient is registered for ${node.kernelName}`);
  const dxs = tf.tidy(() => {
    const rules = gradient(dys);
    return names.map((name) => {
      const dx = rules[name]?.();
      if (dx === undefined) throw new Error(`the gradient of ${node.kernelName} has no input ${name}`);
      return dx;
    });
  });
  names.forEach((name, i) => {
    const [x, dx] = [node.inputs[name] as Tensor, dxs[i] as Tensor];
    if (!sameShape(x.shape, dx.shape)) {
      const shapes = `${showShape(dx.shape)} for ${showShape(x.shape)}`;
      throw new Error(`the gradient of ${node.kernelName} has a wrong shape at input ${name}: ${shapes}`);
    }
    accumulate(cotangents, x, dx);
  });
  node.outputs.forEach((t) => cotangents.delete(t.id));
  tf.dispose(dys.filter((dy) => dy !== undefined));
};

const throughAll = ({ nodes, active }: Recording, cotangents: Cotangents): void => {
  for (const node of [...nodes].toReversed()) {
    throughNode(node, active, cotangents);
    release([node]);
  }
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
    const cotangents: Cotangents = new Map();
    cotangentsOf(ys).forEach((dy, i) => dy && accumulate(cotangents, ys[i] as Tensor, dy));
    throughAll(recording, cotangents);
    return { ys, dxs: inputs.map((x) => cotangents.get(x.id)) };
  } finally {
    release(recording.nodes);
  }
};
