/**
 * Gradients against central differences: `dL/dx_j ~ (L(x + h e_j) - L(x - h e_j)) / 2h` with `L(x) = sum(w f(x))`.
 */
import { expect, inject } from 'vitest';
import { numTensors, read, scope, tensorOf } from '../../../src/ops/backend.js';
import { recordOf, sizeOf, type Shape, type Tensor, type Weights } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { valueAndGrad } from '../../../src/ops/value-and-grad.js';
import type { Tolerance } from '../../setup/matchers.js';
import { numbers } from '../arbitrary.js';

/** A function of float32 tensors and where it is differentiated. */
export interface Case {
  readonly f: (...xs: ReadonlyArray<Tensor>) => Tensor;
  readonly shapes: ReadonlyArray<Shape>;
  readonly seed: number;
  /** Range of the inputs' values, [-1.5, 1.5] unless given. */
  readonly range?: readonly [lo: number, hi: number];
  readonly tolerance?: Tolerance;
}

const STEP = 2 ** -7;

/** Values in a range whose distances from each other and from its centre are above 2 STEP, so that no kink is met. */
const spaced = (seed: number, n: number, [lo, hi]: readonly [number, number]): Float32Array => {
  const even = n + (n % 2);
  const order = [...numbers(seed, even).keys()];
  const keys = numbers(seed, even);
  order.sort((i, j) => (keys[i] as number) - (keys[j] as number));
  return Float32Array.from({ length: n }, (_, i) => lo + (((order[i] as number) + 0.5) / even) * (hi - lo));
};

const inputsOf = ({ shapes, seed, range = [-1.5, 1.5] }: Case): ReadonlyArray<Float32Array> => {
  const all = spaced(
    seed,
    shapes.reduce((n, s) => n + sizeOf(s), 0),
    range,
  );
  const starts = shapes.map((_, i) => shapes.slice(0, i).reduce((n, s) => n + sizeOf(s), 0));
  return shapes.map((s, i) => all.slice(starts[i], (starts[i] as number) + sizeOf(s)));
};

const paramsOf = (values: ReadonlyArray<Float32Array>, shapes: ReadonlyArray<Shape>): Weights =>
  recordOf(values.map((v, i) => [String(i), tensorOf(v, shapes[i] as Shape)] as const));

const listOf = (params: Weights): ReadonlyArray<Tensor> => Object.keys(params).map((k) => params[k] as Tensor);

/** L as a function of tensors: the weighted sum of all outputs. */
const weighted =
  (f: Case['f'], seed: number) =>
  (params: Weights): Tensor => {
    const y = f(...listOf(params));
    return tf.sum(tf.mul(y, tensorOf(numbers(seed + 7, y.size, 0.5, 1.5), y.shape)));
  };

/** L(x + h e) - L(x - h e), summed in float64. */
const difference = async (
  c: Case,
  inputs: ReadonlyArray<Float32Array>,
  i: number,
  j: number,
  h: number,
): Promise<number> => {
  const at = async (shift: number): Promise<Float32Array> => {
    const moved = inputs.map((x, k) => (k === i ? x.map((v, l) => (l === j ? v + shift : v)) : x));
    const y = scope(() => c.f(...listOf(paramsOf(moved, c.shapes))));
    const values = await read(y);
    y.dispose();
    return values;
  };
  const [up, down] = [await at(h), await at(-h)];
  const w = numbers(c.seed + 7, up.length, 0.5, 1.5);
  return up.reduce((sum, v, l) => sum + (w[l] as number) * (v - (down[l] as number)), 0);
};

/** On webgpu, whose software adapter is slow, three elements of each input stand for all. */
const sampled = (n: number): ReadonlyArray<number> =>
  Array.from({ length: n }, (_, j) => j).filter((j) => inject('backend') !== 'webgpu' || j % Math.ceil(n / 3) === 0);

/** Checks value, gradients and that nothing is left behind. */
export const expectGradient = async (c: Case): Promise<void> => {
  const inputs = inputsOf(c);
  const before = numTensors();
  const grads = scope(() => valueAndGrad(weighted(c.f, c.seed))(paramsOf(inputs, c.shapes)).grads);
  for (const [i, x] of inputs.entries()) {
    const grad = await read(grads[String(i)] as Tensor);
    expect(grads[String(i)]?.shape).toEqual(c.shapes[i]);
    const [found, expected]: [number[], number[]] = [[], []];
    for (const j of sampled(x.length)) {
      const h = Math.fround((x[j] as number) + STEP) - Math.fround((x[j] as number) - STEP);
      expected.push((await difference(c, inputs, i, j, STEP)) / h);
      found.push(grad[j] as number);
    }
    expect(found).toBeAllClose(expected, { rtol: 3e-3, atol: 3e-3, ...c.tolerance });
  }
  tf.dispose(grads as tf.NamedTensorMap);
  expect(numTensors()).toBe(before);
};

/** The gradient of the first input as a function, to be differentiated again. */
export const gradientOf =
  (f: Case['f'], seed = 3): Case['f'] =>
  (...xs) => {
    const rest = xs.slice(1);
    const { grads } = valueAndGrad((p) => weighted((x) => f(x as Tensor, ...rest), seed)(p))({ x: xs[0] as Tensor });
    return grads['x'] as Tensor;
  };
