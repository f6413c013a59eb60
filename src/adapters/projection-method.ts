/**
 * Methods over frozen random matrices that all layers share (`shared-projections.ts`): each layer trains small tensors of its own.
 */
import * as t from 'io-ts';
import { E } from '../fp.js';
import type { ModuleSpec } from '../models/spec.js';
import type { Key } from '../ops/random.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import { all, orProblems, type Result } from '../problem.js';
import { modelPrefix } from './auxiliary.js';
import { field, type BaseConfig, type Fields, type Values } from './config.js';
import { initParams } from './init-params.js';
import type { LayoutContext, Method, Routing } from './method.js';
import {
  featuresOf,
  moduleLayout,
  restructureSaved,
  unfit,
  warned,
  weightPart,
  type Features,
} from './module-layout.js';
import { drawFor, drawn, ignoredWarnings, sharing, type Draw, type SharedProjections } from './shared-projections.js';
import type { Layout, ParamSpec, Part } from './site.js';
import { layerPatternProblems, layerSelection, targetModules, torchSeed, trainedBias } from './targeting-fields.js';
import type { WeightUpdate } from './update.js';

/** The config fields that all of them have. */
export const projectionFields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  projection_prng_key: field(torchSeed, 0),
  save_projection: field(t.boolean, true),
} as const satisfies Fields;

/** A decoded config with them, and with the rank. */
export type ProjectionConfig = BaseConfig & Values<typeof projectionFields> & { readonly r: number };

/** Sizes of the layer, and the draw that all layers share. */
export interface ProjectionDetail<D extends Draw = Draw> extends Features {
  readonly draw: D;
}

/** What one of these methods says of itself. */
export interface OnProjections<C extends ProjectionConfig, D extends Draw> {
  readonly shared: SharedProjections<D>;
  /** The draw that a config asks for, from what all draws depend on. */
  readonly drawOf: (config: C, common: Draw) => D;
  /** Names and shapes of the tensors that a layer trains, by role. */
  readonly trained: (config: C, sizes: Features) => Readonly<Record<string, readonly [suffix: string, shape: Shape]>>;
  /** A suffix under which the file holds a matrix once more below every layer; absent where it does not. */
  readonly copy?: (role: 'A' | 'B') => string;
  /** Where a trained tensor starts. */
  readonly start: (config: C, detail: ProjectionDetail<D>, role: string, key: Key, shape: Shape) => Tensor;
  /** From the trained tensors and both matrices, which are those of the largest layer; `pass` says where and in which pass. */
  readonly update: (
    config: C,
    detail: ProjectionDetail<D>,
    tensors: Readonly<Record<string, Tensor>>,
    matrices: Readonly<Record<'A' | 'B', Tensor>>,
    pass: { readonly site: string; readonly routing: Routing | undefined },
  ) => WeightUpdate;
  readonly warningsOf?: (config: C) => ReadonlyArray<string>;
}

const copies = <C extends ProjectionConfig, D extends Draw>(
  { shared, copy }: OnProjections<C, D>,
  m: ModuleSpec,
  draw: D,
): ReadonlyArray<ParamSpec> =>
  copy === undefined
    ? []
    : (['A', 'B'] as const).map((role) => ({
        name: `${modelPrefix}${m.name}.${copy(role)}`,
        shape: shared.shapes(draw)[role],
        trainable: false,
        optional: true,
        copyOf: shared.names[role],
      }));

const parts = <C extends ProjectionConfig, D extends Draw>(
  own: OnProjections<C, D>,
  c: C,
  { spec, has }: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<ProjectionDetail<D>>>> => {
  const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
  const draw = own.drawOf(c, drawFor(spec, c.projection_prng_key, c.r, features));
  const list = modules.map((m, i): Result<Part<ProjectionDetail<D>>> => {
    if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
    const sizes = features[i] as Features;
    const part = weightPart<ProjectionDetail<D>>(spec, m, own.trained(c, sizes), { ...sizes, draw }, 'additive');
    const held = c.save_projection || has(own.shared.names.A) ? copies(own, m, draw) : [];
    return E.right({ ...part, params: [...part.params, ...held] });
  });
  return E.map((found: ReadonlyArray<Part<ProjectionDetail<D>>>) =>
    sharing(own.shared, draw, c.save_projection, has, found),
  )(all(list));
};

/** A method of this kind, but for its name, paper, fields and targets. */
export const projectionMethod = <C extends ProjectionConfig, D extends Draw>(
  own: OnProjections<C, D>,
): Pick<Method<C, ProjectionDetail<D>>, 'validate' | 'restructure' | 'layout' | 'init' | 'update'> => ({
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<ProjectionDetail<D>>) =>
      warned(layout, [...ignoredWarnings(c.save_projection, context.has, own.shared), ...(own.warningsOf?.(c) ?? [])]),
    )(moduleLayout(c, context, (modules) => parts(own, c, context, modules))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, ({ detail }, role, k, shape) =>
      E.right(
        role === 'A' || role === 'B' ? drawn(own.shared, detail.draw, role) : own.start(c, detail, role, k, shape),
      ),
    ),
  update: (c, { key, detail }, tensors, { routing }) => {
    const matrix = (role: 'A' | 'B'): Tensor => tensors[role] ?? drawn(own.shared, detail.draw, role);
    return own.update(c, detail, tensors, { A: matrix('A'), B: matrix('B') }, { site: key, routing });
  },
});
