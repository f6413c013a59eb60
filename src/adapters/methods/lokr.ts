/**
 * LoKr: W' = W + s w1 (x) w2, a Kronecker product of two small matrices, either of them of low rank; s = alpha / r.
 *
 * Edalati et al., "KronA: Parameter Efficient Tuning with Kronecker Adapter", https://arxiv.org/abs/2212.10650;
 * Yeh et al., LyCORIS, https://arxiv.org/abs/2309.14859
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { matMul } from '../../ops/mat-mul.js';
import { kaimingUniform } from '../../ops/random.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { strengthsOf, type Strength } from '../strength.js';
import { layerPatternProblems, literals, positiveInt, rankPatterns, targeting } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { overKernel } from '../tucker.js';
import { dense, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...rankPatterns,
  alpha: field(t.number, 8),
  decompose_both: field(t.boolean, false),
  decompose_factor: field(t.Integer, -1),
  init_weights: field(t.union([t.boolean, literals('lycoris')], 'true, false or "lycoris"'), true),
  module_dropout: floatField(t.number, 0),
  r: field(positiveInt, 8),
  rank_dropout: floatField(t.number, 0),
  rank_dropout_scale: field(t.boolean, false),
  use_effective_conv2d: field(t.boolean, false),
} as const satisfies Fields;

type LokrConfig = BaseConfig & Values<typeof fields>;

/** The scale s = alpha / r. */
interface Detail {
  readonly s: number;
}

/**
 * A number as a product of two, as PEFT splits it: [factor, n / factor] where that works out, otherwise the divisors
 * nearest to the square root whose smaller one is at most `factor` (-1: no bound).
 */
export const factorization = (n: number, factor: number): readonly [number, number] => {
  if (factor > 0 && n % factor === 0) return [factor, n / factor];
  const bound = factor === -1 ? n : factor;
  // PEFT stops where the sum of both exceeds 1 + n, which no pair of divisors does
  const small = Array.from({ length: Math.max(0, Math.min(bound, Math.floor(Math.sqrt(n)))) }, (_, i) => i + 1);
  const m = small.findLast((d) => n % d === 0) ?? 1;
  return [m, n / m];
};

/** Shapes in the file: either matrix in full or as two factors, the second one maybe with a core over the kernel. */
const shapesOf = (c: LokrConfig, m: ModuleSpec, r: number): Readonly<Record<string, readonly [string, Shape]>> => {
  const [out = 0, inputs = 0, ...kernel] = m.params['weight'] ?? [];
  const [a, p] = factorization(out, c.decompose_factor);
  const [b, q] = factorization(inputs, c.decompose_factor);
  const first =
    c.decompose_both && r < Math.max(a, b) / 2
      ? ({ w1a: ['lokr_w1_a', [a, r]], w1b: ['lokr_w1_b', [r, b]] } as const)
      : ({ w1: ['lokr_w1', [a, b]] } as const);
  if (r >= Math.max(p, q) / 2) return { ...first, w2: ['lokr_w2', [p, q, ...kernel]] };
  if (!c.use_effective_conv2d || sizeOf(kernel) === 1)
    return { ...first, w2a: ['lokr_w2_a', [p, r]], w2b: ['lokr_w2_b', [r, q * sizeOf(kernel)]] };
  const core = [r, r, ...kernel, ...(kernel.length === 1 ? [1] : [])];
  return { ...first, t2: ['lokr_t2', core], w2a: ['lokr_w2_a', [r, p]], w2b: ['lokr_w2_b', [r, q]] };
};

const parts =
  (c: LokrConfig, spec: ModelSpec, strength: (name: string) => Strength) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (!['Linear', 'Conv1d', 'Conv2d'].includes(m.kind)) return unfit(m, 'a Linear, Conv1d or Conv2d');
    const { r, s } = strength(m.name);
    return E.right([weightPart(spec, m, shapesOf(c, m, r), { s }, 'additive')]);
  };

/** One of the two is zero at the start: w1 (its first factor), or w2 (its second factor) in the way of LyCORIS. */
const zeroRoles = (init: LokrConfig['init_weights']): ReadonlyArray<string> =>
  init === false ? [] : init === 'lycoris' ? ['w2', 'w2b'] : ['w1', 'w1a'];

/**
 * PEFT's product of w1 [a, b] with a full w2 [c, d, k] of a Conv1d: torch pads w1 in front, to [1, a, b], so the entries
 * [c, a d, b k] come in another order than those of the weight [a c, b d, k] that they are reshaped to.
 */
const padded = (w1: Tensor, w2: Tensor): Tensor => {
  const [a, b] = w1.shape as [number, number];
  const [c, d, k] = w2.shape as [number, number, number];
  return tf.reshape(tf.mul(tf.reshape(w1, [1, a, 1, b, 1]), tf.reshape(w2, [c, 1, d, 1, k])), [a * c, b * d * k]);
};

const update = ({ w1, w1a, w1b, w2, w2a, w2b, t2 }: Readonly<Record<string, Tensor>>, s: number): WeightUpdate => {
  const C = w1 ?? matMul(w1a as Tensor, w1b as Tensor);
  if (w2?.rank === 3) return dense(padded(C, w2), s);
  const D =
    w2 ??
    (t2 === undefined
      ? matMul(w2a as Tensor, w2b as Tensor)
      : matMul(w2a as Tensor, overKernel(t2, w2b as Tensor), true));
  return { _tag: 'Kronecker', C, D: tf.reshape(D, [D.shape[0] as number, -1]), s };
};

/** LoKr. */
export const lokr: Method<LokrConfig, Detail> = {
  peftType: 'LOKR',
  reference: 'https://arxiv.org/abs/2309.14859',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.chain((strength: (name: string) => Strength) =>
      moduleLayout(c, context, eachModule(parts(c, context.spec, strength))),
    )(strengthsOf(c)),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) =>
      E.right(zeroRoles(c.init_weights).includes(role) ? tf.zeros([...shape]) : kaimingUniform(k, shape)),
    ),
  update: (_c, { detail: { s } }, tensors) => update(tensors, s),
};
