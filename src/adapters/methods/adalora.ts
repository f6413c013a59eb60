/**
 * AdaLoRA: W' = W + s B diag(E) A with s = alpha / (init_r + 1e-5); training cuts the triplets (B_i, E_i, A_i) that matter least, so that
 * modules end with different ranks (see adalora-ranks.ts), and keeps A and B near orthogonal by a penalty.
 *
 * Zhang et al., "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", https://arxiv.org/abs/2303.10512
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { normal, type Key } from '../../ops/random.js';
import { mapRecord, sizeOf, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, unsupported, type Problem, type Result } from '../../problem.js';
import { modelPrefix } from '../auxiliary.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import { columnsGap, rowsGap } from '../orthonormal.js';
import type { Part } from '../site.js';
import { layerProblems, naturalInt, positiveInt } from '../targeting-fields.js';
import { changed } from '../targets/defaults.js';
import { adaloraTargets } from '../targets/defaults/others.js';
import { lowRank, sequence, type WeightUpdate } from '../update.js';
import { loraFields } from './lora/config.js';

const decay = t.refinement(t.number, (x) => x > 0 && x < 1, 'a number between 0 and 1');
const kept = t.array(t.boolean, 'a list of true and false');

const fields = {
  ...loraFields,
  beta1: floatField(decay, 0.85),
  beta2: floatField(decay, 0.85),
  deltaT: field(positiveInt, 1),
  init_r: field(positiveInt, 12),
  orth_reg_weight: floatField(
    t.refinement(t.number, (x) => x >= 0, 'a number of at least 0'),
    0.5,
  ),
  rank_pattern: nullable(t.record(t.string, kept), 'an object of lists of true and false by module'),
  target_r: field(positiveInt, 8),
  tfinal: field(naturalInt, 0),
  tinit: field(naturalInt, 0),
  total_step: nullable(positiveInt),
} as const satisfies Fields;

/** A decoded AdaLoraConfig. */
export type AdaloraConfig = BaseConfig & Values<typeof fields>;

/** Which triplets stay, for a module that has lost some, and whether the weight is stored (in, out). */
interface Detail {
  readonly r: number;
  readonly transposed: boolean;
}

const at = (name: string): string => `adapter_config.json: ${name}`;

const scheduleProblems = ({ total_step, tinit, tfinal }: AdaloraConfig): ReadonlyArray<Problem> => {
  if (total_step === null)
    return [problem(at('total_step'), 'the number of training steps', 'null', 'AdaLoRA plans its ranks by it.')];
  return tinit < total_step - tfinal
    ? []
    : [
        problem(
          at('tinit'),
          `fewer than total_step - tfinal = ${total_step - tfinal} steps`,
          String(tinit),
          'Decrease tfinal or tinit or increase total_step, so that there is time to cut ranks.',
        ),
      ];
};

const variantProblems = (c: AdaloraConfig): ReadonlyArray<Problem> => [
  ...(c.use_dora ? [problem(at('use_dora'), 'false with AdaLoRA', 'true')] : []),
  ...(Object.keys(c.loftq_config).length > 0 ? [problem(at('loftq_config'), 'none with AdaLoRA', 'some')] : []),
  ...((c.target_parameters ?? []).length > 0
    ? [problem(at('target_parameters'), 'none with AdaLoRA', 'some', 'AdaLoRA adapts modules alone.')]
    : []),
  ...(['layer_replication', 'trainable_token_indices'] as const)
    .filter((name) => c[name] !== null)
    .map((name) => unsupported(at(name), 'AdaLoRA beside it')),
];

/** The rank that a module has in the file. */
const rankOf = (c: AdaloraConfig, m: ModuleSpec): Result<number> => {
  const pattern = c.rank_pattern?.[`${m.name}.lora_E`];
  if (pattern === undefined) return E.right(c.init_r);
  return pattern.length === c.init_r
    ? E.right(pattern.filter(Boolean).length)
    : fail(at('rank_pattern'), `${c.init_r} entries (init_r) for ${m.name}`, `${pattern.length}`);
};

const parts =
  (c: AdaloraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (!['Linear', 'Conv1D', 'Conv2d'].includes(m.kind)) return unfit(m, 'a Linear, Conv1D or Conv2d');
    if ((m.conv?.groups ?? 1) !== 1)
      return fail(`target_modules: ${m.name}`, 'a convolution with one group', `${m.conv?.groups} groups`);
    const { out, in: inputs, transposed } = featuresOf(m, c.fan_in_fan_out);
    const columns = inputs * sizeOf(m.conv?.kernel ?? []);
    return E.map((r: number) => [
      weightPart<Detail>(
        spec,
        m,
        { A: ['lora_A', [r, columns]], B: ['lora_B', [out, r]], E: ['lora_E', [r, 1]] },
        { r, transposed },
        'additive',
      ),
    ])(rankOf(c, m));
  };

/** The scale stays when triplets go: PEFT divides by the rank that training began with. */
const strength = ({ lora_alpha, init_r }: AdaloraConfig): number =>
  (lora_alpha > 0 ? lora_alpha : init_r) / Math.fround(init_r + 1e-5);

const update = (
  c: AdaloraConfig,
  { transposed }: Detail,
  { A, B, E: S }: Readonly<Record<string, Tensor>>,
): WeightUpdate => {
  if ((S as Tensor).size === 0) return sequence([]);
  const [left, right] = [B as Tensor, tf.mul(A as Tensor, S as Tensor)];
  const s = strength(c);
  return transposed ? lowRank(tf.transpose(right), tf.transpose(left), s) : lowRank(left, right, s);
};

/** E = 0 and A, B ~ N(0, 0.02^2), or all of them N(0, 1) when `init_lora_weights` is false. */
const start = (c: AdaloraConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (c.init_lora_weights === false) return normal(key, shape);
  return role === 'E' ? tf.zeros([...shape]) : normal(key, shape, 0, 0.02);
};

/** A file holds the triplets that stay alone. */
const withoutCut = (c: AdaloraConfig, name: string, tensor: Tensor): Tensor => {
  const [, module, role] = /^(.*)\.lora_([ABE])$/.exec(name.slice(modelPrefix.length)) ?? [];
  const pattern = c.rank_pattern?.[`${module}.lora_E`];
  const axis = role === 'B' ? 1 : 0;
  if (role === undefined || pattern === undefined || tensor.shape[axis] !== pattern.length) return tensor;
  const rows = pattern.flatMap((stays, i) => (stays ? [i] : []));
  return tf.gather(tensor, tf.tensor1d(rows, 'int32'), axis);
};

/**
 * The penalty of training: the mean over all A and B of |A A^T - I| and |B^T B - I| in the Frobenius norm; times `orth_reg_weight` it
 * is added to the loss.
 */
export const orthogonality = (params: Weights): Tensor => {
  const gaps = Object.entries(params)
    .filter(([name]) => /\.lora_[AB]$/.test(name))
    .map(([name, X]) => (name.endsWith('A') ? rowsGap(X) : columnsGap(X)));
  return gaps.length === 0
    ? tf.scalar(0)
    : tf.div(
        gaps.reduce((sum, gap) => tf.add(sum, gap)),
        gaps.length,
      );
};

/** AdaLoRA. */
export const adalora: Method<AdaloraConfig, Detail> = {
  peftType: 'ADALORA',
  reference: 'https://arxiv.org/abs/2303.10512',
  fields,
  targets: { defaults: changed(adaloraTargets, { roberta: ['query', 'key', 'value', 'dense'] }), refusesMamba: true },
  validate: (c) => orProblems([...layerProblems(c), ...scheduleProblems(c), ...variantProblems(c)], () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  toFile: (c, params) => mapRecord(params, (tensor, name) => ({ tensor: withoutCut(c, name, tensor) })),
  update: (c, { detail }, tensors) => update(c, detail, tensors),
};
