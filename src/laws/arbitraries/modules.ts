/**
 * Modules of every kind that adapters act on.
 */
import * as fc from 'fast-check';
import type { ConvGeometry, ModuleSpec } from '../../models/spec.js';
import { matrixShape, smallDimension } from './dimensions.js';

/** A module without its place in a model, with the modules below it. */
export type Block = ReadonlyArray<ModuleSpec>;

const withBias = (bias: boolean, size: number): ModuleSpec['params'] => (bias ? { bias: [size] } : {});

/** Linear [out, in] or Conv1D [in, out], with or without bias. */
export const linearModule = (name: string, kind: 'Linear' | 'Conv1D'): fc.Arbitrary<Block> =>
  fc
    .tuple(matrixShape, fc.boolean())
    .map(([[m, n], bias]) => [
      { name, kind, params: { weight: [m, n], ...withBias(bias, kind === 'Linear' ? m : n) } },
    ]);

/** A linear layer whose kind was guessed from its shape. */
export const inferredModule = (name: string): fc.Arbitrary<Block> =>
  linearModule(name, 'Linear').map((block) =>
    block.map((m) => ({ ...m, inferred: true, params: { weight: m.params['weight'] ?? [] } })),
  );

const geometry = (axes: number, groups: number): fc.Arbitrary<ConvGeometry> => {
  const each = (max: number, min: number) => fc.array(fc.integer({ min, max }), { minLength: axes, maxLength: axes });
  return fc.record({
    kernel: each(axes === 3 ? 2 : 3, 1),
    stride: each(2, 1),
    padding: each(2, 0),
    dilation: each(2, 1),
    groups: fc.constant(groups),
  });
};

/** A convolution [out, in / groups, ...kernel] with any geometry. */
export const convModule = (name: string, axes: 1 | 2 | 3, grouped: boolean): fc.Arbitrary<Block> =>
  fc
    .tuple(smallDimension, smallDimension, fc.boolean(), geometry(axes, grouped ? 2 : 1))
    .map(([o, perGroup, bias, conv]) => {
      const out = o * conv.groups;
      const kind = `Conv${axes}d` as const;
      return [{ name, kind, conv, params: { weight: [out, perGroup, ...conv.kernel], ...withBias(bias, out) } }];
    });

/** nn.MultiheadAttention with its out-projection below it. */
export const attentionModule = (name: string): fc.Arbitrary<Block> =>
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.boolean()).map(([heads, d, bias]) => {
    const E = heads * d;
    return [
      {
        name,
        kind: 'MultiheadAttention',
        heads,
        params: { in_proj_weight: [3 * E, E], ...(bias ? { in_proj_bias: [3 * E] } : {}) },
      },
      { name: `${name}.out_proj`, kind: 'Linear', params: { weight: [E, E], ...withBias(bias, E) } },
    ];
  });

/** Expert matrices [E, out, in], or [E, in, out] when transposed, and a raw matrix beside them. */
export const expertsModule = (name: string): fc.Arbitrary<Block> =>
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), matrixShape, smallDimension, fc.boolean())
    .map(([E, [m, n], d, transposed]) => [
      { name, kind: 'Parameters', transposed, params: { up: [E, m, n], down: [E, n, d], gate: [m, d] } },
    ]);

/** A norm with weight and bias, which no method multiplies. */
export const normModule = (name: string): fc.Arbitrary<Block> =>
  smallDimension.map((d) => [{ name, kind: 'LayerNorm', params: { weight: [d], bias: [d] } }]);
