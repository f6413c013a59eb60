/**
 * HRA: W' = W H_1 ... H_r with Householder reflections H_i = I - 2 u_i u_i^T / |u_i|^2; with Gram-Schmidt the u_i are made
 * orthonormal first.
 *
 * Yuan et al., "Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection Adaptation",
 * https://arxiv.org/abs/2405.17484
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { gramSchmidt } from '../../ops/linalg/index.js';
import { kaimingUniform, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, type Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, inputColumns, moduleLayout, restructureSaved, warned, weightPart } from '../module-layout.js';
import type { Layout, Part } from '../site.js';
import { layerProblems, positiveInt, targeting, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';

const fields = {
  ...targeting,
  ...trainedBias,
  apply_GS: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  r: field(positiveInt, 8),
} as const satisfies Fields;

type HraConfig = BaseConfig & Values<typeof fields>;

const reason = 'it reflects the inputs of the weight instead of adding to it';

const parts =
  (c: HraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> =>
    E.map((n: number) => [weightPart(spec, m, { u: ['hra_u', [n, c.r]] }, null, 'orthogonal', reason)])(
      inputColumns(m, ['Linear', 'Conv2d']),
    );

/** Columns of unit length. */
const unit = (U: Tensor): Tensor => tf.div(U, tf.sqrt(tf.sum(tf.square(U), 0, true)));

/**
 * Kaiming uniform; with an even rank each column comes twice, so that the reflections cancel and H = I. PEFT does the same with
 * Gram-Schmidt, which leaves rounding errors as directions; no orthonormal reflections make the identity, so columns differ there.
 */
const start = (c: HraConfig, key: Key, [n = 0, r = 0]: Shape): Tensor => {
  if (!c.init_weights || c.apply_GS || r % 2 === 1) return kaimingUniform(key, [n, r]);
  const half = tf.reshape(kaimingUniform(key, [n, r / 2]), [n, r / 2, 1]);
  return tf.reshape(tf.tile(half, [1, 1, 2]), [n, r]);
};

const warningsOf = (c: HraConfig): ReadonlyArray<string> => {
  const why = c.apply_GS
    ? 'orthonormal reflections'
    : c.r % 2 === 1
      ? `an odd number of reflections (${c.r})`
      : undefined;
  return c.init_weights && why !== undefined
    ? [`adapter_config.json: init_weights: ${why} cannot cancel, so training does not start at the base`]
    : [];
};

/** HRA. */
export const hra: Method<HraConfig, null> = {
  peftType: 'HRA',
  reference: 'https://arxiv.org/abs/2405.17484',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<null>) => warned(layout, warningsOf(c)))(
      moduleLayout(c, context, eachModule(parts(c, context.spec))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) => E.right(start(c, k, shape))),
  update: (c, _site, { u }) => ({
    _tag: 'Reflect',
    U: c.apply_GS ? gramSchmidt(u as Tensor) : unit(u as Tensor),
    orthonormal: c.apply_GS,
  }),
};
