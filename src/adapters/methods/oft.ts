/**
 * OFT: W' = W R^T with R block diagonal and orthogonal, each block the Cayley transform of a skew-symmetric K; embeddings W' = W R.
 *
 * By default PEFT takes a few terms of the Neumann series of (I + K) (I - K)^-1; the exact form, (I - K) (I + K)^-1, is its inverse. COFT keeps
 * K within a ball.
 *
 * Qiu et al., "Controlling Text-to-Image Diffusion by Orthogonal Finetuning", https://arxiv.org/abs/2306.07280
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { cayley, cayleyNeumann, skewSymmetric } from '../../ops/linalg/index.js';
import { normal } from '../../ops/random.js';
import { straightThrough } from '../../ops/straight-through.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Result } from '../../problem.js';
import { isAuxiliary } from '../auxiliary.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method, UpdateOptions } from '../method.js';
import {
  eachModule,
  featuresOf,
  inputColumns,
  moduleLayout,
  restructureSaved,
  warned,
  weightPart,
} from '../module-layout.js';
import type { Layout, Part } from '../site.js';
import { layerPatternProblems, naturalInt, probability, targeting, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { rotate, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  block_share: field(t.boolean, false),
  coft: field(t.boolean, false),
  eps: floatField(t.number, 6e-5),
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  module_dropout: floatField(probability, 0),
  num_cayley_neumann_terms: field(t.Integer, 5),
  oft_block_size: field(naturalInt, 32),
  r: field(naturalInt, 0),
  use_cayley_neumann: field(t.boolean, true),
} as const satisfies Fields;

type OftConfig = BaseConfig & Values<typeof fields>;

/** What OFT knows of one site: blocks of a size, and what was asked for where it did not divide the features. */
interface Detail {
  readonly kind: 'Linear' | 'Conv2d' | 'Embedding';
  readonly kernel: number;
  readonly blocks: number;
  readonly size: number;
  readonly adjusted: string | undefined;
}

const validate = (c: OftConfig): Result<OftConfig> =>
  orProblems(
    [
      ...layerPatternProblems(c),
      ...((c.r === 0) === (c.oft_block_size === 0)
        ? [
            problem(
              'adapter_config.json: oft_block_size',
              'one of r and oft_block_size, the other 0',
              `r = ${c.r} and oft_block_size = ${c.oft_block_size}`,
              'r blocks of oft_block_size make up the features, so one follows from the other. Files of PEFT before 0.14 hold another kind of OFT.',
            ),
          ]
        : []),
    ],
    () => c,
  );

/** The divisor of n that is nearest to p, the lower one of two; n itself for anything larger. */
const nearestDivisor = (n: number, p: number): number => {
  if (p >= n) return n;
  const divides = (d: number): boolean => n % d === 0;
  const distance = Array.from({ length: n }, (_, d) => d).find((d) => divides(p - d) || divides(p + d)) ?? 0;
  return divides(p - distance) && p > distance ? p - distance : p + distance;
};

/** Blocks and their size for n features. */
const blocksOf = (c: OftConfig, n: number): Pick<Detail, 'blocks' | 'size' | 'adjusted'> => {
  const [name, asked] = c.r === 0 ? (['oft_block_size', c.oft_block_size] as const) : (['r', c.r] as const);
  const used = nearestDivisor(n, asked);
  const [blocks, size] = c.r === 0 ? [n / used, used] : [used, n / used];
  const adjusted = used === asked ? undefined : `${name} = ${used} instead of ${asked}, which does not divide ${n}`;
  return { blocks, size, adjusted };
};

const kinds = ['Linear', 'Conv2d', 'Embedding'] as const;

const reason = 'it rotates features of the weight instead of adding to it';

const parts =
  (c: OftConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if ((m.conv?.dilation[0] ?? 1) > 1)
      return fail(`target_modules: ${m.name}`, 'a convolution without dilation', `dilation ${m.conv?.dilation[0]}`);
    const width = m.kind === 'Embedding' ? E.right(featuresOf(m).out) : inputColumns(m, kinds);
    return E.map((n: number): ReadonlyArray<Part<Detail>> => {
      const { blocks, size, adjusted } = blocksOf(c, n);
      const suffix = m.kind === 'Embedding' ? 'oft_embedding_R.weight' : 'oft_R.weight';
      const detail = { kind: m.kind as Detail['kind'], kernel: m.conv?.kernel[0] ?? 1, blocks, size, adjusted };
      const shape = [c.block_share ? 1 : blocks, (size * (size - 1)) / 2];
      return [weightPart(spec, m, { u: [suffix, shape] }, detail, 'orthogonal', reason)];
    })(width);
  };

/** PEFT warns of files that were trained with an older series. */
const isOlder = (version: string | null): boolean => {
  const [major = 0, minor = 0] = (version ?? '0.0').split('.').map(Number);
  return major === 0 && minor < 18;
};

const warningsOf = (c: OftConfig, layout: Layout<Detail>, { has }: LayoutContext): ReadonlyArray<string> => [
  ...layout.sites.flatMap((site) =>
    isAuxiliary(site) || site.detail.adjusted === undefined ? [] : [`${site.module}: ${site.detail.adjusted}`],
  ),
  ...(c.use_cayley_neumann && isOlder(c.peft_version) && layout.params.some(({ name }) => has(name))
    ? [
        'adapter_config.json: use_cayley_neumann: PEFT before 0.18 trained with a slightly different series; such an adapter was meant for that one',
      ]
    : []),
];

/** Rows u of upper triangles with ||K||_F = sqrt(2) |u| brought down to eps / sqrt(number of rows) where it is more. */
const projected = (u: Tensor, eps: number): Tensor => {
  const bound = eps / Math.sqrt(u.shape[0] as number);
  const norms = tf.sqrt(tf.mul(tf.sum(tf.square(u), 1, true), 2));
  return tf.mul(u, tf.div(bound, tf.maximum(norms, bound)));
};

/** The blocks, [blocks, size, size]. PEFT projects the stored parameter itself, so its gradient is that of what it became. */
const blocks = (c: OftConfig, { blocks: count, size }: Detail, u: Tensor): Tensor => {
  const kept = c.coft ? straightThrough(u, (x) => projected(x, c.eps)) : u;
  const K = skewSymmetric(kept, size);
  const R = c.use_cayley_neumann ? cayleyNeumann(K, c.num_cayley_neumann_terms) : cayley(K);
  return c.block_share ? tf.tile(R, [count, 1, 1]) : R;
};

const update = (c: OftConfig, detail: Detail, u: Tensor, { likePeft, reading }: UpdateOptions): WeightUpdate => {
  const R = blocks(c, detail, u);
  if (detail.kind === 'Embedding') return rotate(R, 1);
  return likePeft && reading === 'attached' && detail.kernel > 1
    ? {
        _tag: 'Branch',
        kind: 'Patches',
        R,
        reason: 'PEFT turns overlapping patches of the input instead of the weight',
      }
    : rotate(tf.transpose(R, [0, 2, 1]), 1);
};

/** OFT. */
export const oft: Method<OftConfig, Detail> = {
  peftType: 'OFT',
  reference: 'https://arxiv.org/abs/2306.07280',
  fields,
  targets: likeLora,
  validate,
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<Detail>) => warned(layout, warningsOf(c, layout, context)))(
      moduleLayout(c, context, eachModule(parts(c, context.spec))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) =>
      E.right(c.init_weights ? tf.zeros([...shape]) : normal(k, shape, 0, 0.1)),
    ),
  update: (c, { detail }, { u }, options) => update(c, detail, u as Tensor, options),
};
