/**
 * DEFT: W' = (I - Q P^T) W + s Q R: a subspace of the outputs is taken out of the weight, and a low-rank change with the same
 * directions put in its place. "relu": Q is trained and P = relu(Q); "qr": Q = P = the columns of a QR factorisation. PaRa is
 * the first half alone.
 *
 * Kumar et al., "DEFT: Decompositional Efficient Fine-Tuning for Text-to-Image Models", https://arxiv.org/abs/2509.22793;
 * PaRa: Chen et al., https://arxiv.org/abs/2406.05641
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { qrColumns } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal } from '../../ops/random.js';
import { lookup, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, type Result } from '../../problem.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { InitContext, Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part, Site } from '../site.js';
import { layerProblems, literals, positiveInt, probability, targeting, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import type { WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  alpha: nullable(t.number),
  decomposition_method: field(literals('relu', 'qr'), 'relu'),
  deft_dropout: floatField(probability, 0),
  fan_in_fan_out: field(t.boolean, false),
  init_scale: floatField(t.number, 1),
  init_weights: field(t.boolean, true),
  para: field(t.boolean, false),
  r: field(positiveInt, 8),
} as const satisfies Fields;

type DeftConfig = BaseConfig & Values<typeof fields>;

/** The rank, which the outputs bound, and the storage of the weight. */
interface Detail {
  readonly r: number;
  readonly transposed: boolean;
}

const reason = 'it takes directions out of the weight that it is applied to';

const parts =
  (c: DeftConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
    const { out, in: inputs, transposed } = featuresOf(m, c.fan_in_fan_out);
    const r = Math.min(c.r, out);
    const P = { P: ['deft_P', [out, r]] } as const;
    const tensors = c.para ? P : ({ ...P, R: ['deft_R', [r, inputs]] } as const);
    return E.right([weightPart<Detail>(spec, m, tensors, { r, transposed }, 'dependent', reason)]);
  };

/** s = alpha / r; 1 where alpha is missing or 0. */
const strength = ({ alpha }: DeftConfig, r: number): number => (alpha === null || alpha === 0 ? 1 : alpha / r);

/** Q and P of the projection Q P^T, [out, r]. */
const directions = (c: DeftConfig, P: Tensor): readonly [Q: Tensor, P: Tensor] => {
  if (c.decomposition_method === 'relu') return [P, tf.relu(P)];
  const Q = qrColumns(P);
  return [Q, Q];
};

const update = (c: DeftConfig, { r, transposed }: Detail, { P, R }: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const [U, V] = directions(c, P as Tensor);
  const deflate = { _tag: 'Deflate', U, V, axis: transposed ? 1 : 0 } as const;
  if (R === undefined) return deflate;
  const scaled = tf.mul(R, strength(c, r));
  return { ...deflate, R: transposed ? tf.transpose(scaled) : scaled };
};

/** R = P^T W / s, which puts back what is taken out. */
const restoring = (
  c: DeftConfig,
  { key, stored, detail }: Site<Detail>,
  P: Tensor,
  weights: Weights,
): Result<Tensor> => {
  const W = lookup(weights, stored[0] ?? key);
  if (W === undefined)
    return fail(`weights: ${key}`, 'the base weight, from which DEFT takes its start', 'no such tensor');
  const [, V] = directions(c, P);
  return E.right(tf.div(matMul(V, W, true, detail.transposed), strength(c, detail.r)));
};

/** P ~ N(0, 0.02^2); R as above, or N(0, (0.02 init_scale)^2) when `init_weights` is false. */
const init = (c: DeftConfig, { layout, key, weights }: InitContext<Detail>): Result<Weights> => {
  const P: Record<string, Tensor> = {};
  return initParams(layout, key, weights, (site, role, k, shape) => {
    if (role === 'R' && c.init_weights) return restoring(c, site, P[site.key] as Tensor, weights);
    const value = normal(k, shape, 0, role === 'R' ? 0.02 * c.init_scale : 0.02);
    if (role === 'P') P[site.key] = value;
    return E.right(value);
  });
};

/** DEFT and PaRa. */
export const deft: Method<DeftConfig, Detail> = {
  peftType: 'DEFT',
  reference: 'https://arxiv.org/abs/2509.22793',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init,
  startsElsewhere: (c) => c.para,
  update: (c, { detail }, tensors) => update(c, detail, tensors),
};
