/**
 * RandLoRA: W' = W + s sum_b B_b diag(l_b) A diag(g_b), a sum of n random low-rank products of rank r that together have full rank;
 * A and the B_b are shared by all layers, l [r, n] and g [n, min(out, in)] are trained, s = alpha / r. Where in > out it is the
 * transposed form.
 *
 * PEFT flattens (rank, basis) pairs of both factors in two different orders, so that basis b meets l and g of another pair; that is
 * what its checkpoints mean.
 *
 * Albert et al., "RandLoRA: Full-rank parameter-efficient fine-tuning of large models", https://arxiv.org/abs/2502.00987
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import { normal, type Key } from '../../ops/random.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import {
  torchGenerator,
  torchKaimingUniform,
  torchRand,
  type TorchFloat,
  type TorchGenerator,
} from '../../ops/torch-random/index.js';
import { all, orProblems, type Result } from '../../problem.js';
import { modelPrefix } from '../auxiliary.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import {
  featuresOf,
  moduleLayout,
  restructureSaved,
  unfit,
  warned,
  weightPart,
  type Features,
} from '../module-layout.js';
import { remembered } from '../remembered.js';
import {
  drawFor,
  drawn,
  ignoredWarnings,
  sharing,
  throughStorage,
  type Draw,
  type SharedProjections,
} from '../shared-projections.js';
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
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  projection_prng_key: field(torchSeed, 0),
  r: field(positiveInt, 32),
  randlora_alpha: field(t.number, 640),
  randlora_dropout: floatField(probability, 0),
  save_projection: field(t.boolean, true),
  sparse: field(t.boolean, false),
  very_sparse: field(t.boolean, false),
} as const satisfies Fields;

type RandloraConfig = BaseConfig & Values<typeof fields>;

/** A draw, and one in how many entries of a sparse basis is not zero; 0 for dense ones. */
interface BasesDraw extends Draw {
  readonly sparsity: number;
}

/** Sizes of the layer, and the draw that all layers share. */
interface Detail extends Features {
  readonly draw: BasesDraw;
}

const smaller = ({ out, in: inputs }: Pick<Draw, 'out' | 'in'>): number => Math.min(out, inputs);
const larger = ({ out, in: inputs }: Pick<Draw, 'out' | 'in'>): number => Math.max(out, inputs);

const shapes = (draw: Draw): Readonly<Record<'A' | 'B', Shape>> => ({
  A: [draw.r, 1, smaller(draw)],
  B: [larger(draw), Math.ceil(smaller(draw) / draw.r), draw.r],
});

/** Values divided by their standard deviation, in a storage type. */
const standardised = (values: Float32Array, dtype: TorchFloat): Float32Array => {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const std = throughStorage(Float32Array.of(Math.sqrt(variance)), dtype)[0] as number;
  return throughStorage(
    values.map((x) => x / std),
    dtype,
  );
};

/** Drawn in bfloat16 whatever the base's type; B one basis after the other. */
const denseBases = (g: TorchGenerator, { A, B }: ReturnType<typeof shapes>): readonly [Float32Array, Float32Array] => {
  const kaiming = { a: Math.sqrt(5), dtype: 'BF16' } as const;
  const [rows, n, r] = B as readonly [number, number, number];
  const a = torchKaimingUniform(g, A, kaiming);
  const b = new Float32Array(sizeOf(B));
  for (let basis = 0; basis < n; basis++) {
    const values = torchKaimingUniform(g, [rows, 1, r], kaiming);
    for (let row = 0; row < rows; row++) b.set(values.subarray(row * r, (row + 1) * r), (row * n + basis) * r);
  }
  return [standardised(a, 'BF16'), standardised(b, 'BF16')];
};

/** -1 and 1 with probability 1 / (2 q) each, zero otherwise. */
const signs = (uniform: Float32Array, q: number): Float32Array => {
  const [low, high] = [Math.fround(1 / (2 * q)), Math.fround(1 - 1 / (2 * q))];
  return uniform.map((u) => (u < low ? -1 : u > high ? 1 : 0));
};

const bases = remembered((draw: BasesDraw): Readonly<Record<'A' | 'B', Float32Array>> => {
  const generator = torchGenerator(draw.seed);
  const { A, B } = shapes(draw);
  const [a, b] =
    draw.sparsity === 0
      ? denseBases(generator, { A, B })
      : ([A, B].map((shape) => standardised(signs(torchRand(generator, sizeOf(shape)), draw.sparsity), 'F32')) as [
          Float32Array,
          Float32Array,
        ]);
  return { A: throughStorage(a, draw.dtype), B: throughStorage(b, draw.dtype) };
});

const shared: SharedProjections<BasesDraw> = {
  names: { A: 'base_model.randlora_A', B: 'base_model.randlora_B' },
  shapes,
  values: bases,
};

/** PEFT stores the bases once more under every layer. */
const copies = (m: ModuleSpec, draw: BasesDraw): ReadonlyArray<ParamSpec> =>
  (['A', 'B'] as const).map((role) => ({
    name: `${modelPrefix}${m.name}.randlora_${role}`,
    shape: shapes(draw)[role],
    trainable: false,
    optional: true,
    copyOf: shared.names[role],
  }));

const parts = (
  c: RandloraConfig,
  { spec, has }: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<Detail>>> => {
  const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
  const common = drawFor(spec, c.projection_prng_key, c.r, features);
  const draw = { ...common, sparsity: c.very_sparse ? Math.sqrt(smaller(common)) : c.sparse ? 3 : 0 };
  const own = modules.map((m, i): Result<Part<Detail>> => {
    if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
    const sizes = features[i] as Features;
    const n = Math.ceil(smaller(sizes) / c.r);
    const trained = {
      lambda: ['randlora_lambda', [c.r, n]],
      gamma: ['randlora_gamma', [n, smaller(sizes)]],
    } as const;
    const part = weightPart<Detail>(spec, m, trained, { ...sizes, draw }, 'additive');
    const held = c.save_projection || has(shared.names.A) ? copies(m, draw) : [];
    return E.right({ ...part, params: [...part.params, ...held] });
  });
  return E.map((list: ReadonlyArray<Part<Detail>>) => sharing(shared, draw, c.save_projection, has, list))(all(own));
};

/** l = 0 and g = 1 / (its longer side), or l normal and g = 1 / (the weight's longer side); the bases as torch draws them. */
const start = (c: RandloraConfig, { draw, ...sizes }: Detail, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'A' || role === 'B') return drawn(shared, draw, role);
  if (role === 'lambda') return c.init_weights ? tf.zeros([...shape]) : normal(key, shape);
  return tf.fill([...shape], 1 / (c.init_weights ? Math.max(...shape) : larger(sizes)));
};

const update = (c: RandloraConfig, detail: Detail, tensors: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const { draw, transposed } = detail;
  const [short, long] = [smaller(detail), larger(detail)];
  const lambda = tensors['lambda'] as Tensor;
  const gamma = tensors['gamma'] as Tensor;
  const [r, n] = lambda.shape as [number, number];
  const A = tf.slice(tensors['A'] ?? drawn(shared, draw, 'A'), [0, 0, 0], [r, 1, short]);
  const B = tf.slice(tensors['B'] ?? drawn(shared, draw, 'B'), [0, 0, 0], [long, n, r]);
  const scaled = tf.mul(tf.mul(tf.reshape(lambda, [r, n, 1]), A), tf.reshape(gamma, [1, n, short]));
  const [left, right] = [tf.reshape(B, [long, n * r]), tf.reshape(scaled, [r * n, short])];
  // left right is [long, short]; the weight is stored that way, or transposed
  const upright = (detail.in === short) !== transposed;
  const s = c.randlora_alpha / c.r;
  return upright ? lowRank(left, right, s) : lowRank(tf.transpose(right), tf.transpose(left), s);
};

/** RandLoRA. */
export const randlora: Method<RandloraConfig, Detail> = {
  peftType: 'RANDLORA',
  reference: 'https://arxiv.org/abs/2502.00987',
  fields,
  targets: { ...likeLora, refusesMamba: true },
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => warned(layout, ignoredWarnings(c.save_projection, context.has, shared)))(
      moduleLayout(c, context, (modules) => parts(c, context, modules)),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site, role, k, shape) => E.right(start(c, site.detail, role, k, shape))),
  update: (c, { detail }, tensors) => update(c, detail, tensors),
};
