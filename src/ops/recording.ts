/**
 * What of a function is kept for its backward pass: the kernels between parameters and result, and of what they saved only what
 * the gradients of their active inputs read.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Rule } from './gradients/rule.js';
import type { TapeNode } from './engine.js';
import { listen, release, type Listener } from './tape.js';
import type { Tensor } from './tensor.js';

/** The kernels through which tensors depend on the ones that are differentiated. */
export interface Recording {
  /** Ids of the tensors that depend on them. */
  readonly active: ReadonlySet<number>;
  /** For a view, which has the elements of another tensor in another shape, the id of the tensor that is none. */
  readonly viewed: ReadonlyMap<number, number>;
  /** In the order in which they ran. */
  readonly nodes: ReadonlySet<TapeNode>;
}

/** Names of the node's inputs that depend on what is differentiated. */
export const activeInputs = (node: TapeNode, active: ReadonlySet<number>): ReadonlyArray<string> =>
  Object.keys(node.inputs).filter((name) => {
    const input = node.inputs[name];
    return input != null && active.has(input.id);
  });

/** The saved tensors that the gradients of some inputs read; all, where the rule does not say. */
const readBy = (node: TapeNode, inputs: ReadonlyArray<string>): ReadonlyArray<Tensor> => {
  const { saved = [] } = node;
  const rule = tf.getGradient(node.kernelName) as Rule | undefined;
  if (rule?.reads === undefined) return saved;
  const { reads, inputsToSave = [] } = rule;
  const names = new Set(inputs.flatMap((name) => reads(name)));
  return saved.filter((_, i) => names.has(inputsToSave[i] ?? ''));
};

const views = new Set(['Reshape', 'Identity', 'ExpandDims']);

/** A step that copies one tensor, as far as the tape can tell. */
const isCopy = ({ inputs, outputs, saved = [] }: TapeNode): boolean =>
  Object.keys(inputs).length === 1 && outputs.length === 1 && saved.length === 0;

/** Runs `f` and records how its results depend on tensors; nothing is kept where it throws. */
export const record = <A>(seeds: ReadonlyArray<Tensor>, f: () => A): Recording & { readonly value: A } => {
  const active = new Set(seeds.map((t) => t.id));
  const viewed = new Map<number, number>();
  const nodes = new Set<TapeNode>();
  const keep = (node: TapeNode): void => {
    nodes.add(node);
    node.outputs.forEach((t) => active.add(t.id));
  };
  // tfjs records the copy of an output that it saves before the kernel that makes it; here it follows, which second-order
  // gradients need
  let early: ReadonlyArray<TapeNode> = [];
  const listener: Listener = {
    hear: (node) => {
      const inputs = activeInputs(node, active);
      if (inputs.length === 0) {
        early = isCopy(node) ? [...early, node] : [];
        return [];
      }
      if (views.has(node.kernelName)) {
        const [x, y] = [node.inputs[inputs[0] as string] as Tensor, node.outputs[0] as Tensor];
        active.add(y.id);
        viewed.set(y.id, viewed.get(x.id) ?? x.id);
        return [];
      }
      keep(node);
      early.filter((copy) => activeInputs(copy, active).length > 0).forEach(keep);
      if (!isCopy(node)) early = [];
      return readBy(node, inputs);
    },
    keeps: (node) => nodes.has(node),
    follows: (id) => active.has(id),
  };
  try {
    return { value: listen(listener, f), active, viewed, nodes };
  } catch (error) {
    release(nodes);
    throw error;
  }
};
