/**
 * PSOFT: W' = W + s B (R - I) A, a rotation R of the principal subspace of W: s B A is the best approximation of W of rank
 * r, and only R = diag(b) Q diag(a) is trained, with Q [r, r] orthogonal.
 *
 * Wu et al., "Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation", https://arxiv.org/abs/2505.11235
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { cayley, cayleyNeumann, skewSymmetric, tensorOfMatrix } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import {
  eachModule,
  featuresOf,
  moduleLayout,
  readingWeight,
  restructureSaved,
  unfit,
  warned,
  weightPart,
} from '../module-layout.js';
import { torchLowRank } from '../principal.js';
import type { Layout, Part } from '../site.js';
import {
  layerProblems,
  literals,
  naturalInt,
  positiveInt,
  probability,
  targeting,
  torchSeed,
} from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';
import { leadingOf } from '../updates/spectrum.js';

const fields = {
  ...targeting,
  ab_svd_init: field(literals('psoft_init', 'pissa_init'), 'psoft_init'),
  cayley_neumann_eps: nullable(t.number),
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
  num_cayley_neumann_terms: field(t.Integer, 5),
  psoft_alpha: field(t.number, 32),
  psoft_dropout: floatField(probability, 0),
  psoft_mag_a: field(t.boolean, true),
  psoft_mag_b: field(t.boolean, true),
  psoft_orth: field(t.boolean, true),
  psoft_svd: field(literals('full', 'lowrank'), 'full'),
  psoft_svd_lowrank_niter: field(naturalInt, 10),
  r: field(positiveInt, 32),
  random_seed: field(torchSeed, 0),
  use_cayley_neumann: field(t.boolean, false),
} as const satisfies Fields;

/** A PSOFT config. */
export type PsoftConfig = BaseConfig & Values<typeof fields>;

/** What is wrong with the series' settings, where the series is used. */
const seriesProblems = (c: PsoftConfig): ReadonlyArray<Problem> => {
  const { cayley_neumann_eps: eps, num_cayley_neumann_terms: terms } = c;
  if (!c.use_cayley_neumann) return [];
  return [
    ...(terms > 0
      ? []
      : [problem('adapter_config.json: num_cayley_neumann_terms', 'an integer greater than 0', String(terms))]),
    ...(eps === null || (eps > 0 && eps < 1)
      ? []
      : [problem('adapter_config.json: cayley_neumann_eps', 'a number in (0, 1) or null', String(eps))]),
  ];
};

const reason = 'it rotates the principal subspace of the weight';

/** PEFT's names of the bases, which it computes anew instead of saving; a file that has both needs no decomposition. */
const basisNames = { A: '_psoft_A_cache', B: '_psoft_B_cache' } as const;

const parts =
  (c: PsoftConfig, { spec, has }: LayoutContext) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const { r } = c;
    if (r > Math.min(out, inputs))
      return fail(
        'adapter_config.json: r',
        `at most ${Math.min(out, inputs)}, the smaller side of ${m.name}`,
        String(r),
      );
    const own: Readonly<Record<string, readonly [string, Shape]>> = {
      weight: ['psoft_R.weight', c.psoft_orth ? [(r * (r - 1)) / 2] : [r, r]],
      ...(c.psoft_mag_a ? { a: ['psoft_R.vector_a', [r]] } : {}),
      ...(c.psoft_mag_b ? { b: ['psoft_R.vector_b', [r]] } : {}),
    };
    const bases: Readonly<Record<string, readonly [string, Shape]>> = {
      A: [basisNames.A, [r, inputs]],
      B: [basisNames.B, [out, r]],
    };
    const prefixed = weightPart(spec, m, { ...own, ...bases }, null, 'additive');
    const isBasis = (name: string): boolean => Object.values(basisNames).some((basis) => name.endsWith(`.${basis}`));
    if (prefixed.params.filter((p) => isBasis(p.name)).every((p) => has(p.name)))
      return E.right([
        { ...prefixed, params: prefixed.params.map((p) => (isBasis(p.name) ? { ...p, trainable: false } : p)) },
      ]);
    return E.right([readingWeight(weightPart(spec, m, own, null, 'dependent', reason))]);
  };

/** A loaded file without bases: its meaning hangs on signs that LAPACK chose. */
const signWarnings = (layout: Layout<null>, { shapeOf }: LayoutContext): ReadonlyArray<string> =>
  shapeOf !== undefined && layout.sites.some((s) => s.reads !== undefined)
    ? [
        'adapter_model.safetensors: PSOFT files leave out the singular vectors that they rotate, and the signs of those differ between LAPACK builds; ' +
          'unless R is diagonal, add the buffers _psoft_A_cache and _psoft_B_cache of the model in PEFT to the file (see docs/differences.md)',
      ]
    : [];

/** K, or K times eps / ||K|| where that norm is larger than eps. */
const bounded = (K: Tensor, eps: number | null): Tensor => {
  if (eps === null) return K;
  // away from 0, where the root has no gradient
  const norm = tf.sqrt(tf.add(tf.sum(tf.square(K)), 1e-30));
  return tf.mul(K, tf.sub(1, tf.relu(tf.sub(1, tf.div(eps, tf.add(norm, 1e-12))))));
};

const rotation = (c: PsoftConfig, weight: Tensor): Tensor => {
  if (!c.psoft_orth) return weight;
  const K = skewSymmetric(weight, c.r);
  return c.use_cayley_neumann
    ? cayleyNeumann(bounded(K, c.cayley_neumann_eps), c.num_cayley_neumann_terms)
    : cayley(tf.neg(K));
};

const transformation = (c: PsoftConfig, { weight, a, b }: Readonly<Record<string, Tensor>>): Tensor => {
  const Q = rotation(c, weight as Tensor);
  const left = b === undefined ? Q : tf.mul(tf.reshape(b, [-1, 1]), Q);
  return a === undefined ? left : tf.mul(left, tf.reshape(a, [1, -1]));
};

/** A [r, in] and B [out, r] with s B A the principal part of W [out, in]; the singular values are in B, or half of them in each. */
export const psoftBases = (c: PsoftConfig, W: Tensor): { readonly A: Tensor; readonly B: Tensor } => {
  const { U, S, Vt } =
    c.psoft_svd === 'full' ? leadingOf(W, c.r) : torchLowRank(W, c.r, c.psoft_svd_lowrank_niter, c.random_seed);
  const scaled = S.map((x) => (x * c.r) / c.psoft_alpha);
  const [left, right] = [tensorOfMatrix(U), tensorOfMatrix(Vt)];
  if (c.ab_svd_init === 'psoft_init')
    return { A: right, B: tf.mul(left, tensorOf(Float32Array.from(scaled), [1, c.r])) };
  const roots = Float32Array.from(scaled, Math.sqrt);
  return { A: tf.mul(right, tensorOf(roots, [c.r, 1])), B: tf.mul(left, tensorOf(roots, [1, c.r])) };
};

const update = (c: PsoftConfig, { A, B, W, ...own }: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const bases = A !== undefined && B !== undefined ? { A, B } : psoftBases(c, W as Tensor);
  const turned = matMul(bases.B, tf.sub(transformation(c, own), tf.eye(c.r)));
  return lowRank(turned, bases.A, c.psoft_alpha / c.r);
};

/** R = I; near it when `init_weights` is false. */
const start = (c: PsoftConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (role !== 'weight') return tf.ones([...shape]);
  const centre = c.psoft_orth ? tf.zeros([...shape]) : tf.eye(c.r);
  return c.init_weights ? centre : tf.add(centre, normal(key, shape, 0, 0.1));
};

/** PSOFT. */
export const psoft: Method<PsoftConfig, null> = {
  peftType: 'PSOFT',
  reference: 'https://arxiv.org/abs/2505.11235',
  fields,
  targets: likeLora,
  validate: (c) => orProblems([...layerProblems(c), ...seriesProblems(c)], () => c),
  restructure: restructureSaved,
  layout: (c, context) =>
    E.map((layout: Layout<null>) => warned(layout, signWarnings(layout, context)))(
      moduleLayout(c, context, eachModule(parts(c, context))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  update: (c, _site, tensors) => update(c, tensors),
};
