/**
 * The tape of reverse mode: a number of listeners, each of which says what it will read of a kernel that has run.
 *
 * tfjs's own tape is told of every kernel with copies of all that the kernel's gradient may read. Here only what some listener will read is
 * kept.
 */
import * as tf from '@tensorflow/tfjs-core';
import { engineOf, type AddTapeNode, type Engine, type EngineState, type Rule, type TapeNode } from './engine.js';
import { share } from './share.js';
import type { Tensor } from './tensor.js';

/** What follows the kernels of a function as they run. */
export interface Listener {
  /** Takes notice of a kernel, and gives those of its saved tensors that will be read. */
  readonly hear: (node: TapeNode) => ReadonlyArray<Tensor>;
  /** True while what a kernel saved may still be read. */
  readonly keeps: (node: TapeNode) => boolean;
  /** True when the tensor of an id depends on what is differentiated. */
  readonly follows: (id: number) => boolean;
}

/** Listeners of functions under way, innermost last. They are part of the engine's state, as its tape is. */
const listeners: Listener[] = [];

/** Kernels that a differentiation of tfjs's own may still read, all that they saved included. */
const heldByTfjs = new WeakSet<TapeNode>();

/** Frees what is kept for the gradients of kernels, except what others still listen for. */
export const release = (nodes: Iterable<TapeNode>): void => {
  for (const node of nodes)
    if (!heldByTfjs.has(node) && !listeners.some((l) => l.keeps(node)))
      (node.kept ?? node.saved).forEach((t) => t.dispose());
};

/** Tells all listeners of a kernel, and gives what any of them will read. */
const tell = (node: TapeNode): ReadonlySet<Tensor> => {
  const read = new Set<Tensor>();
  for (const l of listeners) for (const t of l.hear(node)) read.add(t);
  return read;
};

/** Tells of a node to which all belongs that it saved, and frees what nobody will read. */
const tellOfOwner = (node: TapeNode): void => {
  try {
    const read = tell(node);
    node.saved.filter((t) => !read.has(t)).forEach((t) => t.dispose());
  } catch (error) {
    release([node]);
    throw error;
  }
};

/** The values of x for a gradient, whatever becomes of x. */
const keep = (x: Tensor): Tensor => {
  const copy = tf.keep(share(x, x.shape));
  // with one listener nobody listens any more when it is read
  if (listeners.length > 1)
    tell({
      kernelName: 'Identity',
      inputs: { x },
      outputs: [copy],
      saved: [],
      gradient: ([dy]) => ({ x: () => tf.clone(dy as Tensor) }),
    });
  return copy;
};

/** What a rule makes of a node's cotangents; those that are missing count as zero. */
const ofCotangents =
  <A>(
    rule: (dy: Tensor | Tensor[], saved: Tensor[], attrs: tf.NamedAttrMap) => A,
    {
      outputs,
      saved,
      attrs,
    }: { readonly outputs: ReadonlyArray<Tensor>; readonly saved: Tensor[]; readonly attrs: tf.NamedAttrMap },
  ) =>
  (dys: ReadonlyArray<Tensor | undefined>): A => {
    const given = outputs.map((y, i) => dys[i] ?? tf.fill(y.shape, 0));
    return rule(given.length > 1 ? given : (given[0] as Tensor), saved, attrs);
  };

/** True while a differentiation of tfjs's own is under way, around ours or inside of it. */
const tfjsRecords = (state: EngineState): boolean => state.gradientDepth > listeners.length;

/** Functions of the engine as they are without us. */
type Stock = Pick<Engine, 'addTapeNode' | 'getTensorsForGradient'>;

/** Tells the listeners of a kernel as the engine does, and keeps what they will read. */
const record =
  (stock: Stock): AddTapeNode =>
  (kernelName, inputs, outputs, own, copies, attrs) => {
    const rule = tf.getGradient(kernelName) as Rule | undefined;
    const gradFunc = rule?.gradFunc ?? own;
    const saved = [...(own === null ? stock.getTensorsForGradient(kernelName, inputs, outputs) : copies)];
    const given = { outputs, saved, attrs };
    const node = {
      kernelName,
      inputs,
      outputs,
      saved,
      ...(gradFunc == null ? {} : { gradient: ofCotangents(gradFunc, given) }),
      ...(rule?.adding === undefined ? {} : { adding: ofCotangents(rule.adding, given) }),
    };
    if (own !== null) return tellOfOwner(node);
    const kept: Tensor[] = [];
    const read = tell({ ...node, kept });
    saved.forEach((t, i) => {
      if (read.has(t)) kept.push((saved[i] = keep(t)));
    });
  };

/**
 * The tape for what tfjs records for itself while Weft listens. It is kept whole, on tfjs's own tape if it had one before: tfjs prunes
 * only afterwards.
 */
const sharedTape = (state: EngineState): TapeNode[] => {
  const tape: TapeNode[] = [];
  const theirs = tfjsRecords(state) ? state.activeTape : null;
  const keepForTfjs = Array.prototype.push.bind(theirs ?? tape) as (node: TapeNode) => number;
  tape.push = (node: TapeNode): number => {
    heldByTfjs.add(node);
    keepForTfjs(node);
    listeners.forEach((l) => l.hear(node));
    return tape.length;
  };
  return tape;
};

/** Runs `f`, within which `first` is the first to listen, with functions of ours in place of the engine's. */
const onOwnTape = <A>(engine: Engine, first: Listener, f: () => A): A => {
  const { state, addTapeNode, getTensorsForGradient } = engine;
  const stock = {
    addTapeNode: addTapeNode.bind(engine),
    getTensorsForGradient: getTensorsForGradient.bind(engine),
  };
  const ours = record(stock);
  const before = state.activeTape;
  const tape = sharedTape(state);
  state.activeTape = tape;
  engine.addTapeNode = (...node) => (tfjsRecords(state) ? stock.addTapeNode(...node) : ours(...node));
  engine.getTensorsForGradient = (...kernel) => (tfjsRecords(state) ? stock.getTensorsForGradient(...kernel) : []);
  try {
    return f();
  } finally {
    state.activeTape = before;
    // put back, not deleted: objects that lose a property are slow from then on
    Object.assign(engine, { addTapeNode, getTensorsForGradient });
    tape.forEach((node) => heldByTfjs.delete(node));
    release(tape.filter((node) => !first.keeps(node)));
  }
};

/** Runs `f` while `listener` hears of its kernels, together with all who listen already. */
export const listen = <A>(listener: Listener, f: () => A): A => {
  const engine = engineOf();
  const run = (): A => {
    listeners.push(listener);
    engine.state.gradientDepth++;
    try {
      return f();
    } finally {
      engine.state.gradientDepth--;
      listeners.pop();
    }
  };
  return listeners.length === 0 ? onOwnTape(engine, listener, run) : run();
};

/** True when a tensor depends on what is differentiated. */
export const isFollowed = (t: Tensor): boolean => listeners.some((l) => l.follows(t.id));

/** The tensors among `ts` that may have a gradient: none where nothing is recorded, all where tfjs is the one who records. */
export const followed = (ts: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> => {
  const { state } = engineOf();
  if (state.kernelDepth > 0) return [];
  return ts.filter((t) => t.dtype === 'float32' && (tfjsRecords(state) || isFollowed(t)));
};

/** Records a step of our own as if it were a kernel; what it saved belongs to it. */
export const recordNode = (node: TapeNode): void => {
  const { state } = engineOf();
  if (tfjsRecords(state)) state.activeTape?.push(Object.assign({ id: state.nextTapeNodeId++ }, node));
  else tellOfOwner(node);
};

/** Runs `f` without recording: its results are constants for every gradient. */
export const unrecorded = <A>(f: () => A): A => {
  const { state } = engineOf();
  // the engine records only outside of kernels
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
};
