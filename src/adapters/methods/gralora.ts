/**
 * GraLoRA: W is cut into k x k blocks with a low-rank change each, dW[j, n] = s (A_n[:, J] B_j[N, :])^T with J and N the j-th and n-th of k
 * equal parts of the rank; hybrid GraLoRA adds s B A as in LoRA. s = alpha / (r + hybrid_r).
 *
 * Jung et al., "GraLoRA: Granular Low-Rank Adaptation for Parameter-Efficient Fine-Tuning", https://arxiv.org/abs/2505.20355
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, problem, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import {
  layerSelection,
  naturalInt,
  positiveInt,
  probability,
  targetModules,
  trainedBias,
} from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...layerSelection,
  ...trainedBias,
  alpha: field(t.number, 64),
  fan_in_fan_out: field(t.boolean, false),
  gralora_dropout: floatField(probability, 0),
  gralora_k: field(positiveInt, 2),
  hybrid_r: field(naturalInt, 0),
  init_weights: field(t.boolean, true),
  r: field(positiveInt, 32),
} as const satisfies Fields;

type GraloraConfig = BaseConfig & Values<typeof fields>;

/** Whether the weight is stored (in, out). */
interface Detail {
  readonly transposed: boolean;
}

const validate = (c: GraloraConfig): Result<GraloraConfig> =>
  orProblems(
    c.r % c.gralora_k === 0
      ? []
      : [problem('adapter_config.json: r', `a multiple of gralora_k = ${c.gralora_k}`, String(c.r))],
    () => c,
  );

const parts =
  (c: GraloraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
    const { out, in: inputs, transposed } = featuresOf(m, c.fan_in_fan_out);
    const { gralora_k: k, r, hybrid_r } = c;
    const stray = [inputs, out].filter((size) => size % k !== 0);
    const tensors: Readonly<Record<string, readonly [string, Shape]>> = {
      A: ['gralora_A', [k, inputs / k, r]],
      B: ['gralora_B', [k, r, out / k]],
      ...(hybrid_r === 0
        ? {}
        : {
            hybridA: ['gralora_A_general.weight', [hybrid_r, inputs]],
            hybridB: ['gralora_B_general.weight', [out, hybrid_r]],
          }),
    };
    return orProblems(
      stray.map((size) =>
        problem('adapter_config.json: gralora_k', `a divisor of the ${size} features of ${m.name}`, String(k)),
      ),
      () => [weightPart(spec, m, tensors, { transposed }, 'additive')],
    );
  };

/** blockdiag(X[0], X[1], ...), [k p, k q], for X [k, p, q]. */
const blockDiagonal = (X: Tensor): Tensor => {
  const [k, p, q] = X.shape as [number, number, number];
  return tf.reshape(tf.mul(tf.reshape(X, [k, p, 1, q]), tf.reshape(tf.eye(k), [k, 1, k, 1])), [k * p, k * q]);
};

/**
 * The blocks as one product of rank k r: the inner index (n, j, p) pairs column block n with row block j.
 *
 * Blocks of a row share B_j, whose part n is at (n, j), so B is block diagonal with its inner axes (j, n) exchanged.
 */
const factors = ({ gralora_k: k, r }: GraloraConfig, A: Tensor, B: Tensor): readonly [left: Tensor, right: Tensor] => {
  const rows = blockDiagonal(tf.transpose(B, [0, 2, 1])); // [out, (j, n, p)]
  const left = tf.reshape(tf.transpose(tf.reshape(rows, [-1, k, k, r / k]), [0, 2, 1, 3]), [-1, k * r]);
  return [left, blockDiagonal(tf.transpose(A, [0, 2, 1]))]; // [(n, j, p), in]
};

const update = (
  c: GraloraConfig,
  { transposed }: Detail,
  { A, B, hybridA, hybridB }: Readonly<Record<string, Tensor>>,
): WeightUpdate => {
  const [left, right] = factors(c, A as Tensor, B as Tensor);
  const L = hybridB === undefined ? left : tf.concat([left, hybridB], 1);
  const R = hybridA === undefined ? right : tf.concat([right, hybridA], 0);
  const s = c.alpha / (c.r + c.hybrid_r);
  return transposed ? lowRank(tf.transpose(R), tf.transpose(L), s) : lowRank(L, R, s);
};

/** A ~ kaiming uniform over its input features, B = 0 (kaiming over the rank when `init_weights` is false). */
const start = (c: GraloraConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (role.endsWith('B') && c.init_weights) return tf.zeros([...shape]);
  if (role.startsWith('hybrid')) return kaimingUniform(key, shape);
  const [k, p, q] = shape as readonly [number, number, number];
  return tf.transpose(tf.reshape(kaimingUniform(key, [k * q, p]), [k, q, p]), [0, 2, 1]);
};

/** GraLoRA. */
export const gralora: Method<GraloraConfig, Detail> = {
  peftType: 'GRALORA',
  reference: 'https://arxiv.org/abs/2505.20355',
  fields,
  targets: likeLora,
  validate,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  update: (c, { detail }, tensors) => update(c, detail, tensors),
};
