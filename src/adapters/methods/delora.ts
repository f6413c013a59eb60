/**
 * DeLoRA: W' = W + B diag(c) A diag(w) with c_i = lambda / (r |A_i| |B_i|), |A_i| and |B_i| the norms of a row and a column, so that lambda
 * alone bounds the change; w holds the norms of W's columns when training began.
 *
 * Bini et al., "DeLoRA: Decoupling Angles and Strength in Low-rank Adaptation", https://arxiv.org/abs/2503.18225
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform, type Key } from '../../ops/random.js';
import { lookup, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part, Site } from '../site.js';
import { byPattern, layerProblems, positiveInt, probability, targeting, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { patternValues } from '../targets/rank-pattern.js';
import { lowRank, type WeightUpdate } from '../update.js';
import { normsOf } from '../updates/apply.js';

const fields = {
  ...targeting,
  ...trainedBias,
  delora_lambda: field(t.number, 15),
  init_weights: field(t.boolean, true),
  lambda_pattern: field(byPattern(t.number, 'numbers'), {}),
  module_dropout: floatField(probability, 0),
  r: field(positiveInt, 8),
  rank_pattern: field(byPattern(positiveInt, 'ranks'), {}),
} as const satisfies Fields;

type DeloraConfig = BaseConfig & Values<typeof fields>;

/** The rank and the bound that training starts with. */
interface Detail {
  readonly r: number;
  readonly lambda: number;
}

const part = (spec: ModelSpec, m: ModuleSpec, detail: Detail): Result<ReadonlyArray<Part<Detail>>> => {
  if (m.kind !== 'Linear') return unfit(m, 'a Linear');
  const { out, in: inputs } = featuresOf(m);
  const weight = weightPart(
    spec,
    m,
    {
      A: ['delora_A', [detail.r, inputs]],
      B: ['delora_B', [out, detail.r]],
      lambda: ['delora_lambda', [1]],
      w: ['delora_w_norm', [inputs]],
    },
    detail,
    'additive',
  );
  const frozen = weight.site.tensors['w'];
  return E.right([{ ...weight, params: weight.params.map((p) => ({ ...p, trainable: p.name !== frozen })) }]);
};

/** max(||X||, 1e-4) over one axis; the floor is under the root, where the gradient at 0 is finite. */
const norms = (X: Tensor, axis: 0 | 1): Tensor => tf.sqrt(tf.maximum(tf.sum(tf.square(X), axis), 1e-8));

const update = ({ r }: Detail, tensors: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const [A, B, lambda, w] = ['A', 'B', 'lambda', 'w'].map((role) => tensors[role] as Tensor) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const c = tf.div(tf.div(lambda, r), tf.mul(norms(A, 1), norms(B, 0)));
  return lowRank(tf.mul(B, tf.reshape(c, [1, -1])), tf.mul(A, tf.reshape(w, [1, -1])), 1);
};

const start =
  (c: DeloraConfig, weights: Weights) =>
  (site: Site<Detail>, role: string, key: Key, shape: Shape): Result<Tensor> => {
    if (role === 'lambda') return E.right(tf.fill([1], site.detail.lambda));
    if (role === 'B' && c.init_weights) return E.right(tf.zeros([...shape]));
    if (role !== 'w') return E.right(kaimingUniform(key, shape));
    const W = lookup(weights, site.stored[0] ?? site.key);
    return W === undefined
      ? fail(`weights: ${site.key}`, 'the base weight, whose column norms DeLoRA keeps', 'no such tensor')
      : E.right(tf.reshape(normsOf(W, 1), [...shape]));
  };

/** DeLoRA. */
export const delora: Method<DeloraConfig, Detail> = {
  peftType: 'DELORA',
  reference: 'https://arxiv.org/abs/2503.18225',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    F.pipe(
      E.Do,
      E.bind('ranks', () => patternValues(c.rank_pattern, 'rank_pattern')),
      E.bind('lambdas', () => patternValues(c.lambda_pattern, 'lambda_pattern')),
      E.chain(({ ranks, lambdas }) =>
        moduleLayout(
          c,
          context,
          eachModule((m) =>
            part(context.spec, m, { r: ranks(m.name) ?? c.r, lambda: lambdas(m.name) ?? c.delora_lambda }),
          ),
        ),
      ),
    ),
  init: (c, { layout, key, weights }) => initParams(layout, key, weights, start(c, weights)),
  update: (_c, { detail }, tensors) => update(detail, tensors),
};
