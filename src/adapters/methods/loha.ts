/**
 * LoHa: W' = W + s (w1a w1b) * (w2a w2b), the elementwise product of two low-rank matrices, s = alpha / r. On convolutions
 * either factor may be a Tucker product with a core t over the kernel (proposition 3 of FedPara).
 *
 * Hyeon-Woo et al., "FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated Learning",
 * https://arxiv.org/abs/2108.06098; Yeh et al., LyCORIS, https://arxiv.org/abs/2309.14859
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform } from '../../ops/random.js';
import { stopGradient } from '../../ops/stop-gradient.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { strengthsOf, type Strength } from '../strength.js';
import { layerPatternProblems, positiveInt, rankPatterns, targeting } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { overKernel } from '../tucker.js';
import { sequence, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...rankPatterns,
  alpha: field(t.number, 8),
  init_weights: field(t.boolean, true),
  module_dropout: floatField(t.number, 0),
  r: field(positiveInt, 8),
  rank_dropout: floatField(t.number, 0),
  use_effective_conv2d: field(t.boolean, false),
} as const satisfies Fields;

type LohaConfig = BaseConfig & Values<typeof fields>;

/** The scale s = alpha / r. */
interface Detail {
  readonly s: number;
}

/** Shapes in the file: plain factors [out, r] and [r, columns]; with a core [r, out], [r, in] and [r, r, ...kernel]. */
const shapesOf = (c: LohaConfig, m: ModuleSpec, r: number): Readonly<Record<string, readonly [string, Shape]>> => {
  const [out = 0, inputs = 0, ...kernel] = m.params['weight'] ?? [];
  const cored = c.use_effective_conv2d && sizeOf(kernel) > 1;
  const [wa, wb] = cored
    ? [
        [r, out],
        [r, inputs],
      ]
    : [
        [out, r],
        [r, inputs * sizeOf(kernel)],
      ];
  const core = [r, r, ...kernel, ...(kernel.length === 1 ? [1] : [])];
  return {
    w1a: ['hada_w1_a', wa as Shape],
    w1b: ['hada_w1_b', wb as Shape],
    w2a: ['hada_w2_a', wa as Shape],
    w2b: ['hada_w2_b', wb as Shape],
    ...(cored ? ({ t1: ['hada_t1', core], t2: ['hada_t2', core] } as const) : {}),
  };
};

const parts =
  (c: LohaConfig, spec: ModelSpec, strength: (name: string) => Strength) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (!['Linear', 'Conv1d', 'Conv2d'].includes(m.kind)) return unfit(m, 'a Linear, Conv1d or Conv2d');
    const { r, s } = strength(m.name);
    return E.right([weightPart(spec, m, shapesOf(c, m, r), { s }, 'additive')]);
  };

type Factor = readonly [B: Tensor, A: Tensor];

/** One low-rank matrix as B [out, r] and A [r, columns]. */
const factor = (wa: Tensor, wb: Tensor, core: Tensor | undefined): Factor =>
  core === undefined ? [wa, wb] : [tf.transpose(wa), overKernel(core, wb)];

/** No change, but with the gradient of B A * C with respect to B. */
const gradientOnly = (B: Tensor, A: Tensor, [C, D]: Factor, s: number): WeightUpdate => ({
  _tag: 'Hadamard',
  B1: tf.sub(B, stopGradient(B)),
  A1: stopGradient(A),
  B2: stopGradient(C),
  A2: stopGradient(D),
  s,
});

/**
 * The update with PEFT's gradients: its backward pass through cores multiplies the gradient of each output factor by the other
 * product's input side, A2 for B1 and A1 for B2.
 */
const likePeft = ([B1, A1]: Factor, [B2, A2]: Factor, s: number): WeightUpdate =>
  sequence([
    { _tag: 'Hadamard', B1: stopGradient(B1), A1, B2: stopGradient(B2), A2, s },
    gradientOnly(B1, A2, [B2, A2], s),
    gradientOnly(B2, A1, [B1, A1], s),
  ]);

/** LoHa. */
export const loha: Method<LohaConfig, Detail> = {
  peftType: 'LOHA',
  reference: 'https://arxiv.org/abs/2108.06098',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(layerPatternProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.chain((strength: (name: string) => Strength) =>
      moduleLayout(c, context, eachModule(parts(c, context.spec, strength))),
    )(strengthsOf(c)),
  // w2b = 0 makes the product vanish
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) =>
      E.right(role === 'w2b' && c.init_weights ? tf.zeros([...shape]) : kaimingUniform(k, shape)),
    ),
  update: (_c, { detail: { s } }, { w1a, w1b, w2a, w2b, t1, t2 }, options) => {
    const one = factor(w1a as Tensor, w1b as Tensor, t1);
    const two = factor(w2a as Tensor, w2b as Tensor, t2);
    if (options.likePeft && t1 !== undefined) return likePeft(one, two, s);
    return { _tag: 'Hadamard', B1: one[0], A1: one[1], B2: two[0], A2: two[1], s };
  },
};
