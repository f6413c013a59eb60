/**
 * The part of tfjs's engine that reverse mode needs, as types: tfjs 4.22 keeps it public but untyped.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from './tensor.js';

/** The inputs of a kernel. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** Gradients of a kernel's inputs, each computed on demand; a missing cotangent counts as zero. */
export type Gradient = (dys: ReadonlyArray<Tensor | undefined>) => Readonly<Record<string, () => Tensor>>;

/** For each input its gradient added to a sum, which may take the place of that sum. */
export type Adding = (dys: ReadonlyArray<Tensor | undefined>) => Readonly<Record<string, (sum: Tensor) => Tensor>>;

/** One recorded kernel: inputs and outputs by id, the tensors saved for its gradient, and the gradient itself. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: NamedTensors;
  readonly outputs: ReadonlyArray<Tensor>;
  /** What the gradient is given. Of what it does not read, it may look at the shape. */
  readonly saved: ReadonlyArray<Tensor>;
  /** Those of the saved tensors that belong to the node, and are freed with it; all of them unless told. */
  readonly kept?: ReadonlyArray<Tensor>;
  readonly gradient?: Gradient;
  /** Its gradients added to sums that belong to the caller, who reads them no more. */
  readonly adding?: Adding;
}

/** Gradients of a kernel's inputs, as a rule gives them. */
export type GradFunc = tf.GradConfig['gradFunc'];

/** What is called after a kernel has run; `gradient` and `saved` come from operations that bring a gradient of their own. */
export type AddTapeNode = (
  kernelName: string,
  inputs: NamedTensors,
  outputs: ReadonlyArray<Tensor>,
  gradient: GradFunc | null,
  saved: ReadonlyArray<Tensor>,
  attrs: tf.NamedAttrMap,
) => void;

/** A gradient rule of one kernel, as tfjs registers it. */
export interface Rule extends tf.GradConfig {
  /**
   * Names of the saved inputs whose values the gradient of an input reads; all of them when absent. Of the others only shapes may
   * be read: a backward pass frees what no gradient reads.
   */
  readonly reads?: (input: string) => ReadonlyArray<string>;
  /**
   * For each input its gradient added to what other kernels have given for it, where one operation does both: the sum may take the place of the
   * first summand.
   */
  readonly adding?: (
    dy: Tensor | Tensor[],
    saved: Tensor[],
    attrs: tf.NamedAttrMap,
  ) => Readonly<Record<string, (sum: Tensor) => Tensor>>;
}

/** The tensors that the rule of a kernel asks for; the engine copies each of them while gradients are taken. */
export type TensorsForGradient = (
  kernelName: string,
  inputs: NamedTensors,
  outputs: ReadonlyArray<Tensor>,
) => ReadonlyArray<Tensor>;

/** What the engine knows of gradients that are being taken. */
export interface EngineState {
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
  activeTape: TapeNode[] | null;
}

/** The engine, with the two functions by which it records a kernel. */
export interface Engine {
  readonly state: EngineState;
  addTapeNode: AddTapeNode;
  getTensorsForGradient: TensorsForGradient;
}

/** The engine of this process. */
export const engineOf = (): Engine => tf.engine() as unknown as Engine;

/** True where the engine records what runs: within a differentiation, and not inside of a kernel. */
export const isRecording = ({ state }: Engine): boolean => state.gradientDepth > 0 && state.kernelDepth === 0;
