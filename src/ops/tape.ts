/**
 * The part of tfjs's engine that reverse mode needs, as types: tfjs 4.22 keeps it public but untyped.
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

interface EngineState {
  gradientDepth: number;
  kernelDepth: number;
  activeTape: ReadonlyArray<TapeNode> | null;
}

interface Engine {
  readonly state: EngineState;
  readonly startTape: () => void;
  readonly endTape: () => void;
}

const engine = (): Engine => tf.engine() as unknown as Engine;

/** What a recording of `f` gives; `nested` when another recording was already under way, whose tape holds the nodes too. */
export interface Recording<A> {
  readonly value: A;
  readonly tape: ReadonlyArray<TapeNode>;
  readonly nested: boolean;
}

/** Frees what nodes saved for their gradients. */
export const releaseSaved = (nodes: ReadonlyArray<TapeNode>): void =>
  nodes.forEach((node) => node.saved?.forEach((t) => t.dispose()));

/** Runs `f` and records its kernels. The recording that was active before, if any, is active again afterwards. */
export const record = <A>(f: () => A): Recording<A> => {
  const e = engine();
  const { state } = e;
  const nested = state.gradientDepth > 0;
  const outer = state.activeTape;
  const start = nested ? (outer?.length ?? 0) : 0;
  e.startTape();
  const recorded = (): ReadonlyArray<TapeNode> => state.activeTape?.slice(start) ?? [];
  try {
    return { value: f(), tape: recorded(), nested };
  } catch (error) {
    if (!nested) releaseSaved(recorded());
    throw error;
  } finally {
    e.endTape();
    if (!nested) state.activeTape = outer;
  }
};

/** Runs `f` without recording: its results are constants for every gradient. */
export const unrecorded = <A>(f: () => A): A => {
  const { state } = engine();
  // The engine records only outside kernels.
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
};
