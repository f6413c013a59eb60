/**
 * TinyLoRA: W' = W + B R A with R = sum_i v_i P_i, where B A is the best approximation of W of rank r, split evenly, and the P_i are
 * frozen random matrices [r, r]; only v [u] is trained, and layers may share it.
 *
 * "Learning to Reason in 13 Parameters", https://arxiv.org/abs/2602.04118
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { tensorOfMatrix, transposed as transposeOf } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { uniform, type Key } from '../../ops/random.js';
import { lookup, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { torchGenerator, torchNormal, type TorchFloat } from '../../ops/torch-random/index.js';
import { all, fail, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import {
  featuresOf,
  moduleLayout,
  restructureSaved,
  trainableParam,
  unfit,
  warned,
  weightPart,
} from '../module-layout.js';
import { remembered } from '../remembered.js';
import { storageOf, throughStorage } from '../shared-projections.js';
import type { Layout, ParamSpec, Part, Site } from '../site.js';
import {
  layerPatternProblems,
  layerSelection,
  literals,
  positiveInt,
  probability,
  targetModules,
  torchSeed,
  trainedBias,
} from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';
import { leadingOf } from '../updates/spectrum.js';

const fraction = t.refinement(t.number, (x) => x >= 0 && x <= 1, 'a number in [0, 1]');

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_v_bound: floatField(t.number, 0.02),
  init_weights: field(t.union([t.boolean, literals('uniform')], 'true, false or "uniform"'), true),
  projection_seed: field(torchSeed, 42),
  r: field(positiveInt, 2),
  save_projection: field(t.boolean, true),
  tinylora_dropout: floatField(probability, 0),
  u: field(positiveInt, 64),
  weight_tying: floatField(fraction, 0),
} as const satisfies Fields;

type TinyloraConfig = BaseConfig & Values<typeof fields>;

/** How a layer's P is drawn, and the base's storage type. */
interface Draw {
  readonly seed: number;
  readonly u: number;
  readonly r: number;
  readonly dtype: TorchFloat;
}

/** The draw, and whether the weight is stored (in, out). */
interface Detail {
  readonly draw: Draw;
  readonly transposed: boolean;
}

/** N(0, 1 / r), [u, r, r]; PEFT moves it to the base's type and back. */
const projection = remembered(({ seed, u, r, dtype }: Draw) =>
  throughStorage(torchNormal(torchGenerator(seed), u * r * r, 0, 1 / r ** 0.5), dtype),
);

const drawn = (draw: Draw): Tensor => tensorOf(projection(draw), [draw.u, draw.r, draw.r]);

/** Python rounds halves to the even neighbour. */
const roundHalfEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** The vector that the i-th of n layers uses. */
const groupOf = (i: number, n: number, tying: number): number => {
  const groups = Math.max(1, roundHalfEven(n * (1 - tying)));
  return Math.min(Math.floor(i / Math.max(1, Math.floor(n / groups))), groups - 1);
};

/** Rows and columns of the matrix that is decomposed: the weight as (out, in), a table of embeddings as it is. */
const sizesOf = (m: ModuleSpec, fanInFanOut: boolean) => {
  const { out, in: inputs, transposed } = featuresOf(m, fanInFanOut);
  return m.kind === 'Embedding'
    ? { rows: inputs, columns: out, transposed: false }
    : { rows: out, columns: inputs, transposed };
};

const partOf = (c: TinyloraConfig, { spec, has }: LayoutContext, m: ModuleSpec, i: number): Result<Part<Detail>> => {
  if (!['Linear', 'Conv1D', 'Embedding'].includes(m.kind)) return unfit(m, 'a Linear, Conv1D or Embedding');
  const { rows, columns, transposed } = sizesOf(m, c.fan_in_fan_out);
  const r = Math.min(c.r, rows, columns);
  const detail = { draw: { seed: c.projection_seed + i, u: c.u, r, dtype: storageOf(spec) }, transposed };
  const tensors = {
    A: ['tinylora_A', [r, columns]],
    B: ['tinylora_B', [rows, r]],
    P: ['tinylora_P', [c.u, r, r]],
  } as const;
  const { P, ...factors } = tensors;
  const part = weightPart<Detail>(spec, m, c.save_projection ? tensors : factors, detail, 'additive');
  const ignored = weightPart(spec, m, { P }, detail, 'additive').params.filter(
    (p) => !c.save_projection && has(p.name),
  );
  const frozen = (p: ParamSpec): ParamSpec => ({
    ...p,
    trainable: false,
    optional: !c.save_projection && p.name.endsWith('_P'),
  });
  return E.right({ ...part, params: [...part.params, ...ignored].map(frozen) });
};

/** Layers of a group share their vector, which belongs to the first of them. */
const parts = (
  c: TinyloraConfig,
  context: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<Detail>>> => {
  const groups = modules.map((_, i) => groupOf(i, modules.length, c.weight_tying));
  return E.map((own: ReadonlyArray<Part<Detail>>) =>
    own.map((part, i) => {
      const v = `base_model.tinylora_v.${groups[i]}`;
      return {
        ...part,
        site: { ...part.site, tensors: { ...part.site.tensors, v } },
        params: groups.indexOf(groups[i] as number) === i ? [...part.params, trainableParam(v, [c.u])] : part.params,
      };
    }),
  )(all(modules.map((m, i) => partOf(c, context, m, i))));
};

const warningsOf = (c: TinyloraConfig, { params }: Layout): ReadonlyArray<string> =>
  !c.save_projection && params.some((p) => p.name.endsWith('.tinylora_P'))
    ? [
        'adapter_config.json: save_projection is false, so the projections in the file are not used; they are drawn from projection_seed',
      ]
    : [];

/** B = U sqrt(S) [rows, r] and A = sqrt(S) V^T [r, columns] of the leading triplets of a weight. */
const factorOf = (W: Tensor, role: 'A' | 'B', { draw, transposed }: Detail): Tensor => {
  const { U, S, Vt } = leadingOf(W, draw.r);
  const root = tensorOf(Float32Array.from(S, Math.sqrt), [draw.r]);
  if (role === 'A') return tf.mul(tf.reshape(root, [-1, 1]), tensorOfMatrix(transposed ? transposeOf(U) : Vt));
  return tf.mul(tensorOfMatrix(transposed ? transposeOf(Vt) : U), tf.reshape(root, [1, -1]));
};

/** v = 0, or uniform where PEFT has it so or leaves it as the memory is (`init_weights` false). */
const start =
  (c: TinyloraConfig, weights: Weights) =>
  (site: Site<Detail>, role: string, key: Key, shape: Shape): Result<Tensor> => {
    if (role === 'P') return E.right(drawn(site.detail.draw));
    if (role === 'v')
      return E.right(
        c.init_weights === true ? tf.zeros([...shape]) : uniform(key, shape, -c.init_v_bound, c.init_v_bound),
      );
    const W = lookup(weights, site.stored[0] ?? site.key);
    return W === undefined
      ? fail(`weights: ${site.key}`, 'the base weight, which TinyLoRA decomposes', 'no such tensor')
      : E.right(factorOf(W, role as 'A' | 'B', site.detail));
  };

const update = ({ draw, transposed }: Detail, tensors: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const { u, r } = draw;
  const P = tensors['P'] ?? drawn(draw);
  const [A, B, v] = [tensors['A'] as Tensor, tensors['B'] as Tensor, tensors['v'] as Tensor];
  const R = tf.reshape(matMul(tf.reshape(v, [1, u]), tf.reshape(P, [u, r * r])), [r, r]);
  const left = matMul(B, R);
  return transposed ? lowRank(tf.transpose(A), tf.transpose(left), 1) : lowRank(left, A, 1);
};

/** TinyLoRA. */
export const tinylora: Method<TinyloraConfig, Detail> = {
  peftType: 'TINYLORA',
  reference: 'https://arxiv.org/abs/2602.04118',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => warned(layout, warningsOf(c, layout)))(
      moduleLayout(c, context, (modules) => parts(c, context, modules)),
    ),
  init: (c, { layout, key, weights, onProgress }) => initParams(layout, key, weights, start(c, weights), onProgress),
  update: (_c, { detail }, tensors) => update(detail, tensors),
};
