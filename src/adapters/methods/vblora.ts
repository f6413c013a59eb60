/**
 * VB-LoRA: W' = W + B A, where the rows of A and the columns of B are made of pieces, each a mixture of vectors from one bank that all
 * layers share: softmax over the k largest logits of a piece.
 *
 * Li et al., "VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks", https://arxiv.org/abs/2405.15179
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import type { DType } from '../../ops/dtype.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal, uniform, type Key } from '../../ops/random.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { recordOf, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { all, orProblems, problem, type Result } from '../../problem.js';
import { modelPrefix } from '../auxiliary.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { FileTensor, LayoutContext, Method, UpdateOptions } from '../method.js';
import { featuresOf, moduleLayout, restructureSaved, trainableParam, unfit, weightPart } from '../module-layout.js';
import type { ParamSpec, Part } from '../site.js';
import { layerPatternProblems, positiveInt, probability, targeting, trainedBias } from '../targeting-fields.js';
import { adaloraTargets } from '../targets/defaults/others.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  fan_in_fan_out: field(t.boolean, false),
  init_logits_std: floatField(t.number, 0.1),
  init_vector_bank_bound: floatField(t.number, 0.02),
  num_vectors: field(positiveInt, 256),
  r: field(positiveInt, 4),
  save_only_topk_weights: field(t.boolean, false),
  topk: field(positiveInt, 2),
  vblora_dropout: floatField(probability, 0),
  vector_length: field(positiveInt, 256),
} as const satisfies Fields;

type VbloraConfig = BaseConfig & Values<typeof fields>;

/** Whether the weight is stored (in, out). */
interface Detail {
  readonly transposed: boolean;
}

const bank = 'base_model.vblora_vector_bank';

const validate = (c: VbloraConfig): Result<VbloraConfig> =>
  orProblems(
    [
      ...layerPatternProblems(c),
      ...(c.topk <= c.num_vectors
        ? []
        : [problem('adapter_config.json: topk', `at most num_vectors = ${c.num_vectors}`, String(c.topk))]),
    ],
    () => c,
  );

/** A tensor of logits in the file: itself, or its largest entries as indices and all but the last of their weights. */
const logitParams = (c: VbloraConfig, part: Part<Detail>, top: boolean): Part<Detail> => {
  if (!top) return part;
  const entries = Object.entries(part.site.tensors);
  const shapes = new Map(part.params.map((p) => [p.name, p.shape.slice(0, 2)]));
  const tensors = entries.flatMap(([role, name]) => [
    [`${role}.indices`, `${name}_topk_indices`] as const,
    [`${role}.weights`, `${name}_topk_weights`] as const,
  ]);
  const params = entries.flatMap(([, name]): ReadonlyArray<ParamSpec> => {
    const pieces = shapes.get(name) as Shape;
    const frozen = { trainable: false, optional: false };
    return [
      { ...frozen, name: `${name}_topk_indices`, shape: [...pieces, c.topk], into: [c.num_vectors], repeats: true },
      { ...frozen, name: `${name}_topk_weights`, shape: [...pieces, c.topk - 1] },
    ];
  });
  return { ...part, site: { ...part.site, tensors: recordOf(tensors) }, params };
};

const partOf = (c: VbloraConfig, { spec, has }: LayoutContext, m: ModuleSpec): Result<Part<Detail>> => {
  if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
  const { out, in: inputs, transposed } = featuresOf(m, c.fan_in_fan_out);
  const { vector_length: length, num_vectors, r } = c;
  const tensors = {
    A: ['vblora_logits_A', [r, inputs / length, num_vectors]],
    B: ['vblora_logits_B', [out / length, r, num_vectors]],
  } as const;
  const top = c.save_only_topk_weights && has(`${modelPrefix}${m.name}.vblora_logits_A_topk_indices`);
  return orProblems(
    [inputs, out]
      .filter((size) => size % length !== 0)
      .map((size) =>
        problem('adapter_config.json: vector_length', `a divisor of the ${size} features of ${m.name}`, String(length)),
      ),
    () => logitParams(c, weightPart<Detail>(spec, m, tensors, { transposed }, 'additive'), top),
  );
};

/** The bank belongs to the first layer, since a file holds it once. */
const parts = (
  c: VbloraConfig,
  context: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<Detail>>> =>
  E.map((own: ReadonlyArray<Part<Detail>>) =>
    own.map((part, i) => ({
      ...part,
      site: { ...part.site, tensors: { ...part.site.tensors, bank } },
      params: i === 0 ? [...part.params, trainableParam(bank, [c.num_vectors, c.vector_length])] : part.params,
    })),
  )(all(modules.map((m) => partOf(c, context, m))));

/** Weights [pieces, vectors] of logits: softmax over the k largest, 0 elsewhere. Which ones are largest is a constant. */
const mixture = (logits: Tensor, k: number): Tensor => {
  const n = logits.shape[2] as number;
  const flat = tf.reshape(logits, [-1, n]);
  const { indices } = tf.topk(stopGradient(flat), k);
  const chosen = tf.sum(tf.oneHot(tf.cast(indices, 'int32'), n), 1);
  const shift = stopGradient(tf.max(flat, 1, true));
  const e = tf.mul(tf.exp(tf.sub(flat, shift)), stopGradient(tf.cast(chosen, 'float32')));
  return tf.div(e, tf.sum(e, 1, true));
};

/** The same from the file's weights [..., k - 1] and indices [..., k]; the last weight is what is left of 1. */
const storedMixture = (c: VbloraConfig, weights: Tensor, indices: Int32Array): Tensor => {
  // rounding may leave less than nothing, where PEFT takes a logarithm of it
  const rest = (first: Tensor): Tensor => tf.maximum(tf.sub(1, tf.sum(first, 1, true)), 0);
  const n = indices.length / c.topk;
  const first = tf.reshape(weights, [n, c.topk - 1]);
  const all = c.topk === 1 ? tf.ones([n, 1]) : tf.concat([first, rest(first)], 1);
  const hot = tf.cast(tf.oneHot(tf.tensor2d(indices, [n, c.topk], 'int32'), c.num_vectors), 'float32');
  return tf.sum(tf.mul(hot, tf.expandDims(all, 2)), 1);
};

const update = (
  c: VbloraConfig,
  { transposed }: Detail,
  tensors: Readonly<Record<string, Tensor>>,
  indices: UpdateOptions['indices'],
): WeightUpdate => {
  const pieces = (role: 'A' | 'B'): Tensor => {
    const logits = tensors[role];
    const w =
      logits === undefined
        ? storedMixture(c, tensors[`${role}.weights`] as Tensor, indices?.[`${role}.indices`] as Int32Array)
        : mixture(logits, c.topk);
    return matMul(w, tensors['bank'] as Tensor);
  };
  const A = tf.reshape(pieces('A'), [c.r, -1]);
  const tiles = tf.reshape(pieces('B'), [-1, c.r, c.vector_length]);
  const B = tf.reshape(tf.transpose(tiles, [0, 2, 1]), [-1, c.r]);
  return transposed ? lowRank(tf.transpose(A), tf.transpose(B), 1) : lowRank(B, A, 1);
};

/** Logits normal, the bank uniform around 0. */
const start = (c: VbloraConfig, role: string, key: Key, shape: Shape): Tensor =>
  role === 'bank'
    ? uniform(key, shape, -c.init_vector_bank_bound, c.init_vector_bank_bound)
    : normal(key, shape, 0, c.init_logits_std);

/** The smallest type of torch that holds the indices. */
const indexType = ({ num_vectors: n }: VbloraConfig): DType => (n < 2 ** 8 ? 'U8' : n < 2 ** 15 ? 'I16' : 'I32');

/** With `save_only_topk_weights` the k largest logits, as indices and weights. */
const toFile = (c: VbloraConfig, params: Weights): Readonly<Record<string, FileTensor>> =>
  recordOf(
    Object.entries(params).flatMap(([name, tensor]): ReadonlyArray<readonly [string, FileTensor]> => {
      if (!c.save_only_topk_weights || !/\.vblora_logits_[AB]$/.test(name)) return [[name, { tensor }]];
      const { values, indices } = tf.topk(tensor, c.topk);
      const weights = tf.softmax(values);
      const [pieces, tiles] = tensor.shape as [number, number, number];
      return [
        [`${name}_topk_indices`, { tensor: indices, dtype: indexType(c) }],
        [`${name}_topk_weights`, { tensor: tf.slice(weights, [0, 0, 0], [pieces, tiles, c.topk - 1]) }],
      ];
    }),
  );

/** VB-LoRA. */
export const vblora: Method<VbloraConfig, Detail> = {
  peftType: 'VBLORA',
  reference: 'https://arxiv.org/abs/2405.15179',
  fields,
  targets: { defaults: adaloraTargets },
  validate,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, (modules) => parts(c, context, modules)),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  startsElsewhere: () => true,
  toFile,
  update: (c, { detail }, tensors, { indices }) => update(c, detail, tensors, indices),
};
