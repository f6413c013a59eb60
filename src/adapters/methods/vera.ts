/**
 * VeRA: W' = W + diag(b) B diag(d) A with random projections A [r, in] and B [out, r] that all layers share; only the vectors
 * b and d are trained.
 *
 * Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation", https://arxiv.org/abs/2310.11454
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { decodeFloats, encodeFloats } from '../../ops/dtype.js';
import { normal, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { torchGenerator, torchKaimingUniform } from '../../ops/torch-random/index.js';
import { all, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import { featuresOf, moduleLayout, restructureSaved, unfit, warned, weightPart, type Features } from '../module-layout.js';
import { remembered } from '../remembered.js';
import type { Layout, ParamSpec, Part } from '../site.js';
import {
  layerPatternProblems,
  layerSelection,
  positiveInt,
  probability,
  targetModules,
  torchSeed,
  trainedBias,
} from '../targeting-fields.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  d_initial: floatField(t.number, 0.1),
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  projection_prng_key: field(torchSeed, 0),
  r: field(positiveInt, 256),
  save_projection: field(t.boolean, true),
  vera_dropout: floatField(probability, 0),
} as const satisfies Fields;

type VeraConfig = BaseConfig & Values<typeof fields>;

/** What the projections are drawn from: a torch seed, the largest sizes among the targets, and the base's storage type. */
interface Draw {
  readonly seed: number;
  readonly r: number;
  readonly out: number;
  readonly in: number;
  readonly dtype: 'F32' | 'F16' | 'BF16';
}

/** Sizes of the layer, and the draw that all layers share. */
interface Detail extends Features {
  readonly draw: Draw;
}

/** A [r, in], then B [out, r], kaiming uniform; PEFT moves them to the base's type and back. */
const projections = remembered(({ seed, r, out, in: inputs, dtype }: Draw) => {
  const generator = torchGenerator(seed);
  const [A, B] = [
    [r, inputs],
    [out, r],
  ].map((shape) => {
    const values = torchKaimingUniform(generator, shape);
    return dtype === 'F32' ? values : decodeFloats(dtype, encodeFloats(dtype, values));
  }) as [Float32Array, Float32Array];
  return { A, B };
});

const sharedShapes = ({ r, out, in: inputs }: Draw): Readonly<Record<'A' | 'B', Shape>> => ({
  A: [r, inputs],
  B: [out, r],
});

const drawn = (draw: Draw, role: 'A' | 'B'): Tensor => tensorOf(projections(draw)[role], sharedShapes(draw)[role]);

const sharedNames = { A: 'base_model.vera_A', B: 'base_model.vera_B' } as const;

const sharedParams = (draw: Draw, optional: boolean): ReadonlyArray<ParamSpec> =>
  (['A', 'B'] as const).map((role) => ({
    name: sharedNames[role],
    shape: sharedShapes(draw)[role],
    trainable: false,
    optional,
  }));

/** The storage type that config.json names. */
const storageOf = ({ config }: ModelSpec): Draw['dtype'] => {
  const dtype = config['dtype'] ?? config['torch_dtype'];
  return dtype === 'bfloat16' ? 'BF16' : dtype === 'float16' ? 'F16' : 'F32';
};

const drawOf = (c: VeraConfig, spec: ModelSpec, features: ReadonlyArray<Features>): Draw => ({
  seed: c.projection_prng_key,
  r: c.r,
  out: Math.max(1, ...features.map((f) => f.out)),
  in: Math.max(1, ...features.map((f) => f.in)),
  dtype: storageOf(spec),
});

const unsaved = (c: VeraConfig, has: LayoutContext['has']): boolean => !c.save_projection && has(sharedNames.A);

/** Every layer uses the same projections; they belong to the first one, since a file holds them once. */
const parts = (
  c: VeraConfig,
  { spec, has }: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<Detail>>> => {
  const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
  const draw = drawOf(c, spec, features);
  const shared = c.save_projection || unsaved(c, has) ? sharedParams(draw, !c.save_projection) : [];
  return all(
    modules.map((m, i): Result<Part<Detail>> => {
      if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
      const own = features[i] as Features;
      const vectors = { b: ['vera_lambda_b', [own.out]], d: ['vera_lambda_d', [c.r]] } as const;
      const part = weightPart<Detail>(spec, m, vectors, { ...own, draw }, 'additive');
      return E.right({
        ...part,
        site: c.save_projection
          ? { ...part.site, tensors: { ...part.site.tensors, ...sharedNames } }
          : part.site,
        params: [...part.params, ...(i === 0 ? shared : [])],
      });
    }),
  );
};

const warningsOf = (c: VeraConfig, has: LayoutContext['has']): ReadonlyArray<string> =>
  unsaved(c, has)
    ? [
        'adapter_config.json: save_projection is false, so the projections in the file are not used; they are drawn from projection_prng_key',
      ]
    : [];

/** b = 0 and d = d_initial, or b = 1 and d normal; the projections as torch draws them. */
const start = (c: VeraConfig, { draw }: Detail, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'A' || role === 'B') return drawn(draw, role);
  if (role === 'b') return c.init_weights ? tf.zeros([...shape]) : tf.ones([...shape]);
  return c.init_weights ? tf.fill([...shape], c.d_initial) : normal(key, shape);
};

const update = (detail: Detail, { A, B, b, d }: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const { out, in: inputs, transposed, draw } = detail;
  const sharedA = tf.slice(A ?? drawn(draw, 'A'), [0, 0], [draw.r, inputs]);
  const sharedB = tf.slice(B ?? drawn(draw, 'B'), [0, 0], [out, draw.r]);
  const scaledA = tf.mul(tf.reshape(d as Tensor, [-1, 1]), sharedA);
  const scaledB = tf.mul(tf.reshape(b as Tensor, [-1, 1]), sharedB);
  return transposed ? lowRank(tf.transpose(scaledA), tf.transpose(scaledB), 1) : lowRank(scaledB, scaledA, 1);
};

/** VeRA. */
export const vera: Method<VeraConfig, Detail> = {
  peftType: 'VERA',
  reference: 'https://arxiv.org/abs/2310.11454',
  fields,
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => warned(layout, warningsOf(c, context.has)))(
      moduleLayout(c, context, (modules) => parts(c, context, modules)),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site, role, k, shape) => E.right(start(c, site.detail, role, k, shape))),
  update: (_c, { detail }, tensors) => update(detail, tensors),
};
