/**
 * VeRA's form: W' = W + diag(b) B diag(d) A with frozen random A [r, in] and B [out, r] that all layers share, and vectors b and d
 * that are trained.
 */
import { E } from '../fp.js';
import type { ModuleSpec } from '../models/spec.js';
import { normal, type Key } from '../ops/random.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { torchGenerator, torchKaimingUniform } from '../ops/torch-random/index.js';
import { all, orProblems, type Result } from '../problem.js';
import { initParams } from './init-params.js';
import type { LayoutContext, Method } from './method.js';
import {
  featuresOf,
  moduleLayout,
  restructureSaved,
  unfit,
  warned,
  weightPart,
  type Features,
  type TargetingConfig,
} from './module-layout.js';
import { remembered } from './remembered.js';
import {
  drawFor,
  drawn,
  ignoredWarnings,
  sharing,
  throughStorage,
  type Draw,
  type SharedProjections,
} from './shared-projections.js';
import type { Layout, Part } from './site.js';
import { layerPatternProblems } from './targeting-fields.js';
import { lowRank, type WeightUpdate } from './update.js';

/** What the form reads of a config. */
interface ScaledConfig extends TargetingConfig {
  readonly d_initial: number;
  readonly fan_in_fan_out: boolean;
  readonly init_weights: boolean;
  readonly layers_pattern: string | ReadonlyArray<string> | null;
  readonly layers_to_transform: number | ReadonlyArray<number> | null;
  readonly projection_prng_key: number;
  readonly r: number;
  readonly save_projection: boolean;
  readonly target_modules: string | ReadonlyArray<string> | null;
}

/** Sizes of the layer, and the draw that all layers share. */
export interface ScaledDetail extends Features {
  readonly draw: Draw;
}

/** A, then B, kaiming uniform with torch's default gain. */
const kaimingPair = ({ seed, dtype }: Draw, shapes: ReturnType<SharedProjections['shapes']>) => {
  const generator = torchGenerator(seed);
  const A = throughStorage(torchKaimingUniform(generator, shapes.A), dtype);
  return { A, B: throughStorage(torchKaimingUniform(generator, shapes.B), dtype) };
};

/** b = 0 and d = d_initial, or b = 1 and d normal; the projections as torch draws them. */
const start =
  (shared: SharedProjections, c: ScaledConfig) =>
  ({ draw }: ScaledDetail, role: string, key: Key, shape: Shape): Tensor => {
    if (role === 'A' || role === 'B') return drawn(shared, draw, role);
    if (role === 'b') return c.init_weights ? tf.zeros([...shape]) : tf.ones([...shape]);
    return c.init_weights ? tf.fill([...shape], c.d_initial) : normal(key, shape);
  };

/** Matrices are larger than most layers need, and may have more rows than vectors count: the first ones are used. */
const update = (
  shared: SharedProjections,
  { out, in: inputs, transposed, draw }: ScaledDetail,
  { A, B, b, d }: Readonly<Record<string, Tensor>>,
): WeightUpdate => {
  const ownA = tf.slice(A ?? drawn(shared, draw, 'A'), [0, 0], [draw.r, inputs]);
  const ownB = tf.slice(B ?? drawn(shared, draw, 'B'), [0, 0], [out, draw.r]);
  const scaledA = tf.mul(tf.reshape(tf.slice(d as Tensor, [0], [draw.r]), [-1, 1]), ownA);
  const scaledB = tf.mul(tf.reshape(b as Tensor, [-1, 1]), ownB);
  return transposed ? lowRank(tf.transpose(scaledA), tf.transpose(scaledB), 1) : lowRank(scaledB, scaledA, 1);
};

/**
 * A method of this form.
 *
 * @param prefix of its tensors' names: `<prefix>_lambda_b`, `base_model.<prefix>_A`
 * @param copies how many times r the entries of d and the rows of A are; the first r of them make the weight
 * @param warningsOf what else is worth telling of a config
 */
export const scaledProjections = <C extends ScaledConfig>(
  prefix: string,
  copies: number,
  warningsOf: (c: C) => ReadonlyArray<string> = () => [],
): Omit<Method<C, ScaledDetail>, 'peftType' | 'reference' | 'fields'> => {
  const shapes = ({ r, out, in: inputs }: Draw): ReturnType<SharedProjections['shapes']> => ({
    A: [copies * r, inputs],
    B: [out, r],
  });
  const shared: SharedProjections = {
    names: { A: `base_model.${prefix}_A`, B: `base_model.${prefix}_B` },
    shapes,
    values: remembered((draw: Draw) => kaimingPair(draw, shapes(draw))),
  };
  const parts = (
    c: C,
    { spec, has }: LayoutContext,
    modules: ReadonlyArray<ModuleSpec>,
  ): Result<ReadonlyArray<Part<ScaledDetail>>> => {
    const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
    const draw = drawFor(spec, c.projection_prng_key, c.r, features);
    const own = modules.map((m, i): Result<Part<ScaledDetail>> => {
      if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
      const sizes = features[i] as Features;
      const vectors = {
        b: [`${prefix}_lambda_b`, [sizes.out]],
        d: [`${prefix}_lambda_d`, [copies * c.r]],
      } as const;
      return E.right(weightPart<ScaledDetail>(spec, m, vectors, { ...sizes, draw }, 'additive'));
    });
    return E.map((list: ReadonlyArray<Part<ScaledDetail>>) => sharing(shared, draw, c.save_projection, has, list))(
      all(own),
    );
  };
  return {
    validate: (c) => orProblems(layerPatternProblems(c), () => c),
    restructure: restructureSaved,
    layout: (c, context) =>
      E.map((layout: Layout<ScaledDetail>) =>
        warned(layout, [...ignoredWarnings(c.save_projection, context.has, shared), ...warningsOf(c)]),
      )(moduleLayout(c, context, (modules) => parts(c, context, modules))),
    init: (c, { layout, key, weights }) =>
      initParams(layout, key, weights, (site, role, k, shape) =>
        E.right(start(shared, c)(site.detail, role, k, shape)),
      ),
    update: (_c, { detail }, tensors) => update(shared, detail, tensors),
  };
};
