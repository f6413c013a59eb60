/**
 * Poly: each task mixes a bank of LoRA skills, y' = y + x A_t B_t / r with A_t = sum_k w[t, k] A[k]; several splits make it
 * MHR, where every split of the features has its own mixture.
 *
 * Ponti et al., "Combining Modular Skills in Multitask Learning", https://arxiv.org/abs/2202.13914;
 * Caccia et al., "Multi-Head Adapter Routing", https://arxiv.org/abs/2211.03831
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { matMul } from '../../ops/mat-mul.js';
import { uniform, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { problem, orProblems, type Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method, Routing } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { excludeModules, literals, positiveInt, targetModules } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { checkedTasks } from '../tasks.js';
import type { WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...excludeModules,
  init_weights: field(t.boolean, true),
  n_skills: field(positiveInt, 4),
  n_splits: field(positiveInt, 1),
  n_tasks: field(positiveInt, 1),
  poly_type: field(literals('poly'), 'poly'),
  r: field(positiveInt, 8),
} as const satisfies Fields;

type PolyConfig = BaseConfig & Values<typeof fields>;

const reason = 'every sample mixes its own skills by its task, which no single weight can hold';

const parts =
  (c: PolyConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const { n_splits: S, n_skills: K, n_tasks, r } = c;
    const problems = [out, inputs]
      .filter((size) => size % S !== 0)
      .map((size) =>
        problem('adapter_config.json: n_splits', `a divisor of the ${size} features of ${m.name}`, String(S)),
      );
    return orProblems(problems, () => [
      weightPart(
        spec,
        m,
        {
          A: ['poly_lora_A', [S, K, inputs / S, r]],
          B: ['poly_lora_B', [S, K, r, out / S]],
          Z: ['poly_router.module_logits', [n_tasks, S * K]],
        },
        null,
        'routed',
        reason,
      ),
    ]);
  };

/** Weights of the skills for each sample: sigmoid(Z[task]), normalised over the skills of a split; [S, batch, K]. */
const mixture = (c: PolyConfig, Z: Tensor, taskIds: ReadonlyArray<number>): Tensor => {
  const rows = tf.gather(Z, tf.tensor1d([...taskIds], 'int32'));
  const w = tf.sigmoid(tf.reshape(rows, [taskIds.length, c.n_splits, c.n_skills]));
  return tf.transpose(tf.div(w, tf.add(tf.sum(w, 2, true), 1e-12)), [1, 0, 2]);
};

/** sum_k w[s, b, k] X[s, k] as [S, batch, p, q] for X [S, K, p, q]. */
const mixed = (w: Tensor, X: Tensor): Tensor => {
  const [S, K, p, q] = X.shape as [number, number, number, number];
  return tf.reshape(matMul(w, tf.reshape(X, [S, K, p * q])), [S, w.shape[1] as number, p, q]);
};

/** The factors of each sample, splits side by side: A [batch, in, r], B [batch, r, out]. */
const update = (
  c: PolyConfig,
  { A, B, Z }: Readonly<Record<string, Tensor>>,
  routing: Routing | undefined,
): WeightUpdate => {
  const taskIds = checkedTasks('Poly', c.n_tasks, routing);
  const w = mixture(c, Z as Tensor, taskIds);
  const [a, b] = [mixed(w, A as Tensor), mixed(w, B as Tensor)];
  return {
    _tag: 'Branch',
    kind: 'PerSample',
    A: tf.reshape(tf.transpose(a, [1, 0, 2, 3]), [taskIds.length, -1, c.r]),
    B: tf.reshape(tf.transpose(b, [1, 2, 0, 3]), [taskIds.length, c.r, -1]),
    s: 1 / c.r,
    reason,
  };
};

/** A ~ kaiming uniform over its input features, B = 0 (kaiming when `init_weights` is false), logits ~ U(-0.001, 0.001). */
const start = (c: PolyConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'Z') return uniform(key, shape, -1e-3, 1e-3);
  if (role === 'B' && c.init_weights) return tf.zeros([...shape]);
  const bound = 1 / Math.sqrt(shape[2] as number);
  return uniform(key, shape, -bound, bound);
};

/** Poly and MHR. */
export const poly: Method<PolyConfig, null> = {
  peftType: 'POLY',
  reference: 'https://arxiv.org/abs/2202.13914',
  fields,
  targets: likeLora,
  validate: E.right,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  tasks: (c) => c.n_tasks,
  update: (c, _site, tensors, { routing }) => update(c, tensors, routing),
};
