/**
 * HiRA: W' = W * (1 + B A), a change in proportion to the weight, of high rank though B [out, r] and A [r, in] are small.
 *
 * Huang et al., "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models", ICLR 2025,
 * https://openreview.net/forum?id=TwJrTz9cRS
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform, normal, type Key } from '../../ops/random.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, warned, weightPart } from '../module-layout.js';
import type { Layout, Part } from '../site.js';
import { positiveInt, probability, rankPatterns, regexLayerProblems, targeting } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';

const gaussian = t.refinement(t.string, (s) => s.toLowerCase() === 'gaussian', '"gaussian"');

const fields = {
  ...targeting,
  fan_in_fan_out: field(t.boolean, false),
  hira_dropout: floatField(probability, 0),
  init_weights: field(t.union([t.boolean, gaussian, t.null], 'true, false or "gaussian"'), true),
  r: field(positiveInt, 32),
  rank_pattern: rankPatterns.rank_pattern,
} as const satisfies Fields;

type HiraConfig = BaseConfig & Values<typeof fields>;

/** The kind of layer; W is stored (in, out), as the embedding's [V, D] is, when `transposed`. */
interface Detail {
  readonly kind: 'Linear' | 'Embedding' | 'Conv';
  readonly transposed: boolean;
}

const reason = 'it changes each entry of the weight in proportion to the entry itself';

const parts =
  (c: HiraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    const { r } = c;
    const features = featuresOf(m, c.fan_in_fan_out);
    const part = (names: readonly [A: string, B: string], A: Shape, B: Shape, detail: Detail) =>
      E.right([weightPart(spec, m, { A: [names[0], A], B: [names[1], B] }, detail, 'dependent', reason)]);
    const [A, B] = [
      [r, features.in],
      [features.out, r],
    ];
    const plain = ['hira_A', 'hira_B'] as const;
    switch (m.kind) {
      case 'Linear':
      case 'Conv1D':
        return part(plain, A, B, { kind: 'Linear', transposed: features.transposed });
      case 'Embedding':
        return part(['hira_embedding_A', 'hira_embedding_B'], A, B, { kind: 'Embedding', transposed: true });
      case 'Conv1d':
      case 'Conv2d':
      case 'Conv3d': {
        const { kernel = [], groups = 1 } = m.conv ?? {};
        return groups === 1
          ? part(plain, [...A, ...kernel], [...B, ...kernel.map(() => 1)], { kind: 'Conv', transposed: false })
          : fail(
              `target_modules: ${m.name}`,
              'a convolution with one group',
              `${groups} groups`,
              'B A has the shape of an ungrouped weight. Narrow target_modules or use exclude_modules.',
            );
      }
      default:
        return unfit(m, 'a Linear, Conv1D, Embedding, Conv1d, Conv2d or Conv3d');
    }
  };

/** A ~ kaiming uniform, or N(0, 1 / r^2) with "gaussian", and B = 0; embeddings: A = 0, B ~ N(0, 1). Without: all normal. */
const start = (init: HiraConfig['init_weights'], { kind }: Detail, role: string, key: Key, shape: Shape): Tensor => {
  if (kind === 'Embedding') return init !== false && role === 'A' ? tf.zeros([...shape]) : normal(key, shape);
  if (init === false || init === null) return normal(key, shape);
  if (role === 'B') return tf.zeros([...shape]);
  return init === true || kind === 'Conv'
    ? kaimingUniform(key, shape)
    : normal(key, shape, 0, 1 / (shape[0] as number));
};

/** PEFT reads the pattern and then gives every layer the rank r, so that is what its files hold. */
const warningsOf = (c: HiraConfig): ReadonlyArray<string> =>
  Object.keys(c.rank_pattern).length > 0
    ? [
        `adapter_config.json: rank_pattern: it has no effect on HiRA in PEFT, and none here: every layer has rank ${c.r}`,
      ]
    : [];

/** HiRA. */
export const hira: Method<HiraConfig, Detail> = {
  peftType: 'HIRA',
  reference: 'https://openreview.net/forum?id=TwJrTz9cRS',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(regexLayerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => warned(layout, warningsOf(c)))(
      moduleLayout(c, context, eachModule(parts(c, context.spec))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site, role, k, shape) =>
      E.right(start(c.init_weights, site.detail, role, k, shape)),
    ),
  update: (_c, { detail }, tensors) => {
    const [A, B] = [tensors['A'] as Tensor, tensors['B'] as Tensor];
    if (detail.transposed) return { _tag: 'Modulate', B: tf.transpose(A), A: tf.transpose(B), s: 1 };
    if (detail.kind === 'Linear') return { _tag: 'Modulate', B, A, s: 1 };
    const r = A.shape[0] as number;
    return { _tag: 'Modulate', B: tf.reshape(B, [-1, r]), A: tf.reshape(A, [r, sizeOf(A.shape.slice(1))]), s: 1 };
  },
};
