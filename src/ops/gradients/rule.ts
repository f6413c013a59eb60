/**
 * How gradients are written: each rule is data that `tf.ts` registers with tfjs.
 *
 * Rules save inputs, never outputs, and compute what they need again: tfjs records the copy of a saved output before
 * the kernel that makes it, which makes second-order gradients silently wrong. Every rule gives a fresh tensor, since
 * a backward pass frees what it has consumed.
 */
import * as tf from '@tensorflow/tfjs-core';
import { repeatedAxes } from '../broadcast.js';
import type { Rule } from '../engine.js';
import { reshape } from '../reshape.js';
import { sizeOf, type Shape, type Tensor } from '../tensor.js';

export type { Rule } from '../engine.js';

/** Reads of a rule that wants shapes only. */
export const nothing = (): ReadonlyArray<string> => [];

/** Attributes of a kernel, as the caller knows them to be. */
export const attrsOf = <A>(attrs: unknown): A => attrs as A;

/** The single cotangent of a kernel with one output. */
export const single = (dy: Tensor | ReadonlyArray<Tensor>): Tensor =>
  Array.isArray(dy) ? (dy[0] as Tensor) : (dy as Tensor);

/** The adjoint of broadcasting: sums `dy` over the axes along which a tensor of `shape` was repeated. */
export const unbroadcast = (dy: Tensor, shape: Shape): Tensor => {
  const axes = repeatedAxes(shape, dy.shape);
  return reshape(axes.length === 0 ? dy : tf.sum(dy, [...axes]), shape);
};

/** `x` repeated to `shape` by broadcasting; adding zeros is far faster than Tile on wasm. */
export const broadcastBy = (x: Tensor, shape: Shape): Tensor => tf.add(tf.fill([...shape], 0), x);

/** Zeros of a shape that no tape connects with anything. */
export const zeros = (shape: Shape): Tensor => tf.fill([...shape], 0);

/** Rule of a kernel with one input, named `x` unless told: `dx = f(dy, x, attrs)`. */
export const unary = <A = unknown>(
  kernelName: string,
  f: (dy: Tensor, x: Tensor, attrs: A) => Tensor,
  input = 'x',
): Rule => ({
  kernelName,
  inputsToSave: [input],
  gradFunc: (dy, [x], attrs) => ({ [input]: () => f(single(dy), x as Tensor, attrsOf<A>(attrs)) }),
});

/** Rule of a linear kernel of one input whose adjoint needs the shape of the input: `dx = f(dy, shape, attrs)`. */
export const shaped = <A = unknown>(
  kernelName: string,
  f: (dy: Tensor, shape: number[], attrs: A) => Tensor,
  input = 'x',
): Rule => ({ ...unary<A>(kernelName, (dy, x, attrs) => f(dy, x.shape, attrs), input), reads: nothing });

/** Rule of a linear kernel of one input whose adjoint needs nothing but the attributes: `dx = f(dy, attrs)`. */
export const adjoint = <A = unknown>(kernelName: string, f: (dy: Tensor, attrs: A) => Tensor, input = 'x'): Rule => ({
  kernelName,
  gradFunc: (dy, _saved, attrs) => ({ [input]: () => f(single(dy), attrsOf<A>(attrs)) }),
});

/** What the gradients of two inputs read. */
type BinaryReads = Readonly<Record<'a' | 'b', ReadonlyArray<'a' | 'b'>>>;

const both: BinaryReads = { a: ['a', 'b'], b: ['a', 'b'] };

/** Rule of a broadcasting kernel of two inputs: `da = f(dy, a, b)`, `db = g(dy, a, b)`, both summed to their shapes. */
export const binary = (
  kernelName: string,
  f: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  g: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  reads: BinaryReads = both,
): Rule => ({
  kernelName,
  inputsToSave: ['a', 'b'],
  reads: (input) => reads[input as 'a' | 'b'],
  gradFunc: (dy, saved) => {
    const [a, b] = saved as [Tensor, Tensor];
    return {
      a: () => unbroadcast(f(single(dy), a, b), a.shape),
      b: () => unbroadcast(g(single(dy), a, b), b.shape),
    };
  },
});

/** Rule of a kernel that is constant almost everywhere: zero for each input. */
export const flat = (kernelName: string, ...inputs: ReadonlyArray<string>): Rule => ({
  kernelName,
  inputsToSave: [...inputs],
  reads: nothing,
  gradFunc: (_dy, saved) =>
    Object.fromEntries(inputs.map((name, i) => [name, () => zeros((saved[i] as Tensor).shape)] as const)),
});

/** Rule of a linear kernel over a list of tensors: `dx[i] = f(dy, shapes, i, attrs)`. */
export const variadic = <A>(
  kernelName: string,
  f: (dy: Tensor, shapes: ReadonlyArray<Shape>, i: number, attrs: A) => Tensor,
): Rule => ({
  kernelName,
  saveAllInputs: true,
  reads: nothing,
  gradFunc: (dy, inputs, attrs) => {
    const shapes = inputs.map((x) => x.shape);
    return Object.fromEntries(shapes.map((_, i) => [i, () => f(single(dy), shapes, i, attrsOf<A>(attrs))] as const));
  },
});

/** A tensor of `shape` seen as [outer, n, inner] around `axis`. */
export const around = (shape: Shape, axis: number): readonly [outer: number, n: number, inner: number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1)),
];
