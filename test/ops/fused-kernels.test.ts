/** Kernels of several operations in one give what the operations give: values, and gradients of first and second order. */
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { causalMask } from '../../src/models/layers/mask.js';
import { rotationOf } from '../../src/models/layers/rotate.js';
import { attention } from '../../src/ops/attention.js';
import { numTensors, read, scope, tensorOf } from '../../src/ops/backend.js';
import { geluTanh } from '../../src/ops/gelu-tanh.js';
import { layerNorm, rmsNorm } from '../../src/ops/norm.js';
import { rotateHeads } from '../../src/ops/rotate-heads.js';
import { silu, siluGate } from '../../src/ops/silu.js';
import { recordOf, sizeOf, type Shape, type Tensor } from '../../src/ops/tensor.js';
import { tf } from '../../src/ops/tf.js';
import { valueAndGrad } from '../../src/ops/value-and-grad.js';
import { numbers } from './arbitrary.js';
import { withoutKernels } from './without-kernels.js';

type Op = (...xs: ReadonlyArray<Tensor>) => Tensor;

interface Subject {
  readonly f: Op;
  readonly shapes: ReadonlyArray<Shape>;
}

/** The gradients of all inputs in one tensor. */
const gradients =
  (f: Op): Op =>
  (...xs) => {
    const named = recordOf(xs.map((x, i) => [String(i), x] as const));
    const { grads } = valueAndGrad((p) => {
      const y = f(...xs.map((_, i) => p[String(i)] as Tensor));
      return tf.sum(tf.mul(y, tensorOf(numbers(5, y.size, 0.5, 1.5), y.shape)));
    })(named);
    return tf.concat(xs.map((_, i) => tf.reshape(grads[String(i)] as Tensor, [-1])));
  };

/** Value, gradients, and gradients of the gradients, at numbers of a seed. */
const orders = async ({ f, shapes }: Subject, seed: number): Promise<ReadonlyArray<Float32Array>> => {
  const before = numTensors();
  const found: Float32Array[] = [];
  for (const g of [f, gradients(f), gradients(gradients(f))]) {
    const y = scope(() => g(...shapes.map((s, i) => tensorOf(numbers(seed + i, sizeOf(s), -2, 2), s))));
    found.push(await read(y));
    y.dispose();
  }
  expect(numTensors()).toBe(before);
  return found;
};

const size = (max: number) => fc.integer({ min: 1, max });

const elementwise = (f: Op, inputs: number): fc.Arbitrary<Subject> =>
  size(40).map((n) => ({ f, shapes: Array.from({ length: inputs }, () => [n]) }));

const rows = (f: Op, parameters: number): fc.Arbitrary<Subject> =>
  fc
    .tuple(size(3), size(3), fc.integer({ min: 2, max: 21 }))
    .map(([a, b, d]) => ({ f, shapes: [[a, b, d], ...Array.from({ length: parameters }, () => [d])] }));

const rotation: fc.Arbitrary<Subject> = fc
  .record({ B: size(3), T: size(4), H: size(3), half: size(6), kept: fc.nat(3), own: fc.boolean() })
  .map(({ B, T, H, half, kept, own }) => {
    const positions = Array.from({ length: own ? B : 1 }, (_, b) => Array.from({ length: T }, (__, t) => 3 * b + t));
    const angles = rotationOf({ theta: 100, dim: 2 * half, scaling: { _tag: 'Default' } }, positions);
    return { f: (x) => rotateHeads(x as Tensor, angles), shapes: [[B, T, H, 2 * half + kept]] };
  });

/** More queries than are computed at once, hidden keys at the end, in front and in the middle, and queries that see none. */
const attending: fc.Arbitrary<Subject> = fc
  .record({
    B: size(2),
    G: size(2),
    g: size(2),
    S: fc.oneof(size(9), fc.constantFrom(48, 49, 70, 97)),
    past: fc.nat(3),
    d: size(5),
    e: size(5),
    mask: fc.constantFrom('none', 'causal', 'window', 'padded', 'bias', 'keys'),
  })
  .map(({ B, G, g, S, past, d, e, mask }) => {
    const T = S + past;
    const sight = { queries: S, keys: T };
    const padding = tensorOf(
      Int32Array.from({ length: B * T }, (_, i) => (i % T < 2 || i % 7 === 3 ? 0 : 1)),
      [B, T],
    );
    const masks: Readonly<Record<string, () => Tensor | undefined>> = {
      none: () => undefined,
      causal: () => causalMask(sight),
      window: () => causalMask({ ...sight, window: 2 }),
      padded: () => causalMask({ ...sight, padding }),
      keys: () => tensorOf(numbers(9, B * T), [B, 1, 1, T]),
    };
    const qkv: ReadonlyArray<Shape> = [
      [B, G * g, S, d],
      [B, G, T, d],
      [B, G, T, e],
    ];
    const f: Op = (q, k, v, bias) =>
      attention(q as Tensor, k as Tensor, v as Tensor, { scale: 0.6, mask: bias ?? masks[mask]?.() });
    return { f, shapes: mask === 'bias' ? [...qkv, [1, G * g, S, T]] : qkv };
  });

const subjects: ReadonlyArray<readonly [string, fc.Arbitrary<Subject>]> = [
  ['silu', elementwise((x) => silu(x as Tensor), 1)],
  ['silu as a gate', elementwise((x, up) => siluGate(x as Tensor, up as Tensor), 2)],
  ['gelu by tanh', elementwise((x) => geluTanh(x as Tensor), 1)],
  ['layer norm', rows((x, w, b) => layerNorm(x as Tensor, w, b, 1e-2), 2)],
  ['layer norm without bias', rows((x, w) => layerNorm(x as Tensor, w, undefined, 1e-2), 1)],
  ['layer norm without weight', rows((x, b) => layerNorm(x as Tensor, undefined, b, 1e-2), 1)],
  ['layer norm alone', rows((x) => layerNorm(x as Tensor, undefined, undefined, 1e-2), 0)],
  ['rms norm', rows((x, w) => rmsNorm(x as Tensor, w, 1e-2), 1)],
  ['rotation of heads', rotation],
  ['attention', attending],
];

describe.runIf(inject('backend') === 'wasm')('fused kernels are what they are composed of', () => {
  it.each(subjects)('%s', (_name, arbitrary) =>
    fc.assert(
      fc.asyncProperty(arbitrary, fc.integer(), async (subject, seed) => {
        const [found, expected] = [await orders(subject, seed), await withoutKernels(() => orders(subject, seed))];
        found.forEach((y, order) => {
          const most = (expected[order] as Float32Array).reduce((top, v) => Math.max(top, Math.abs(v)), 0);
          expect(y).toBeAllClose(expected[order] as Float32Array, { rtol: 1e-4, atol: 1e-6 + 2e-5 * most });
        });
      }),
      { numRuns: 25 },
    ),
  );
});
