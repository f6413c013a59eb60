/**
 * The part of tfjs's engine that reverse mode needs, as types: tfjs 4.22 keeps it public but untyped.
 *
 * tfjs tells its tape of every kernel while gradients are taken. Here the tape is a number of listeners, each of which says
 * what it will read of what was saved for a kernel's gradient; what none of them reads is freed at once.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from './tensor.js';

/** One recorded kernel: inputs and outputs by id, the tensors saved for its gradient, and the gradient itself. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: ReadonlyArray<Tensor>;
  readonly saved?: ReadonlyArray<Tensor>;
  /** Gradients of the inputs, each computed on demand; a missing cotangent counts as zero. */
  readonly gradient?: (dys: ReadonlyArray<Tensor | undefined>) => Readonly<Record<string, () => Tensor>>;
}

/** What follows the kernels of a function as they run. */
export interface Listener {
  /** Takes notice of a kernel, and gives those of its saved tensors that will be read. */
  readonly hear: (node: TapeNode) => ReadonlyArray<Tensor>;
  /** True while what a kernel saved may still be read. */
  readonly keeps: (node: TapeNode) => boolean;
  /** True when the tensor of an id depends on what is differentiated. */
  readonly follows: (id: number) => boolean;
}

interface EngineState {
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
  activeTape: TapeNode[] | null;
}

const engineState = (): EngineState => (tf.engine() as unknown as { readonly state: EngineState }).state;

/** Listeners of functions under way, innermost last. They are part of the engine's state, as its tape is. */
const listeners: Listener[] = [];

/** Kernels that a differentiation of tfjs's own may still read, all that they saved included. */
const heldByTfjs = new WeakSet<TapeNode>();

/** Frees what kernels saved for their gradients, except what others still listen for. */
export const release = (nodes: Iterable<TapeNode>): void => {
  for (const node of nodes)
    if (!heldByTfjs.has(node) && !listeners.some((l) => l.keeps(node))) node.saved?.forEach((t) => t.dispose());
};

/** Tells all listeners of a kernel, and frees what none of them will read. */
const tell = (node: TapeNode): void => {
  const read = new Set<Tensor>();
  try {
    listeners.forEach((l) => l.hear(node).forEach((t) => read.add(t)));
  } catch (error) {
    release([node]);
    throw error;
  }
  node.saved?.filter((t) => !read.has(t)).forEach((t) => t.dispose());
};

/** True while a differentiation of tfjs's own is under way, around ours or inside of it. */
const tfjsRecords = (state: EngineState): boolean => state.gradientDepth > listeners.length;

/**
 * The tape that tfjs writes to while Weft listens. Kernels that tfjs records for itself are kept whole, on its own tape if it had
 * one before: it prunes only afterwards.
 */
const listeningTape = (state: EngineState): TapeNode[] => {
  const tape: TapeNode[] = [];
  const theirs = tfjsRecords(state) ? state.activeTape : null;
  const keepForTfjs = Array.prototype.push.bind(theirs ?? tape) as (node: TapeNode) => number;
  tape.push = (node: TapeNode): number => {
    if (tfjsRecords(state)) {
      heldByTfjs.add(node);
      keepForTfjs(node);
      listeners.forEach((l) => l.hear(node));
    } else tell(node);
    return tape.length;
  };
  return tape;
};

/** Runs `f`, within which `first` is the first to listen, with a tape of ours in place of tfjs's. */
const onOwnTape = <A>(state: EngineState, first: Listener, f: () => A): A => {
  const before = state.activeTape;
  const tape = listeningTape(state);
  state.activeTape = tape;
  try {
    return f();
  } finally {
    state.activeTape = before;
    tape.forEach((node) => heldByTfjs.delete(node));
    release(tape.filter((node) => !first.keeps(node)));
  }
};

/** Runs `f` while `listener` hears of its kernels, together with all who listen already. */
export const listen = <A>(listener: Listener, f: () => A): A => {
  const state = engineState();
  const run = (): A => {
    listeners.push(listener);
    state.gradientDepth++;
    try {
      return f();
    } finally {
      state.gradientDepth--;
      listeners.pop();
    }
  };
  return listeners.length === 0 ? onOwnTape(state, listener, run) : run();
};

/** True when a tensor depends on what is differentiated. */
export const isFollowed = (t: Tensor): boolean => listeners.some((l) => l.follows(t.id));

/** The tensors among `ts` that may have a gradient: none where nothing is recorded, all where tfjs is the one who records. */
export const followed = (ts: ReadonlyArray<Tensor>): ReadonlyArray<Tensor> => {
  const state = engineState();
  if (state.kernelDepth > 0) return [];
  return ts.filter((t) => t.dtype === 'float32' && (tfjsRecords(state) || isFollowed(t)));
};

/** Records a step of our own as if it were a kernel. */
export const recordNode = (node: TapeNode): void => {
  const state = engineState();
  state.activeTape?.push(Object.assign({ id: state.nextTapeNodeId++ }, node));
};

/** Runs `f` without recording: its results are constants for every gradient. */
export const unrecorded = <A>(f: () => A): A => {
  const state = engineState();
  // The engine records only outside kernels.
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
};
