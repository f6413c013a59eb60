/**
 * OSF: W' = U_k diag(S_k) V_k + U diag(S) V, where the k leading singular triplets of W stay as they are and the others are trained, with
 * gradients kept off the leading subspaces.
 *
 * Nayak et al., "Sculpting Subspaces: Constrained Full Fine-Tuning in LLMs for Continual Learning", https://arxiv.org/abs/2504.07097
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { lookup, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { fail, type Result } from '../../problem.js';
import { nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { tellingTime, weightShapes } from '../decomposing.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, moduleLayout, restructureSaved, weightPart } from '../module-layout.js';
import type { Part, Site } from '../site.js';
import { targetModules } from '../targeting-fields.js';
import { osfTargets } from '../targets/defaults/others.js';
import { patternKey } from '../targets/rank-pattern.js';
import { spectrumOf } from '../updates/spectrum.js';

const rank = t.refinement(t.number, (n) => n > 0, 'a rank, or a fraction in (0, 1] of the smaller side');

const fields = {
  ...targetModules,
  effective_rank: nullable(rank),
  init_weights: nullable(t.boolean),
  rank_pattern: nullable(t.record(t.string, rank), 'an object of ranks or fractions by pattern'),
  target_svd_config: nullable(t.UnknownRecord),
} as const satisfies Fields;

type OsfConfig = BaseConfig & Values<typeof fields>;

/** How many singular triplets stay. */
interface Detail {
  readonly k: number;
}

/**
 * The rank kept of `smaller` triplets: half of them by default. Python tells the fraction 1.0 from the rank 1, and so does
 * a file; a plain 1 from elsewhere is a rank.
 */
const keptRank = (value: number | null, isFloat: boolean, smaller: number): number => {
  if (value === null) return Math.floor(smaller / 2);
  const fraction = value < 1 || (value === 1 && isFloat);
  return Math.min(smaller, Math.trunc(fraction ? smaller * value : value));
};

/** The kept rank of a module, from the first pattern found anywhere in its name. */
const ranks = (c: OsfConfig): Result<(m: ModuleSpec, smaller: number) => number> => {
  const patterns = c.rank_pattern ?? {};
  const isFloat = (path: string): boolean => c.float_paths?.includes(path) ?? false;
  return F.pipe(
    patternKey(Object.keys(patterns), 'adapter_config.json: rank_pattern', (source) => `.*?(?:${source})`),
    E.map((keyOf) => (m, smaller) => {
      const found = keyOf(m.name);
      return Object.hasOwn(patterns, found)
        ? keptRank(patterns[found] as number, isFloat(`rank_pattern/${found}`), smaller)
        : keptRank(c.effective_rank, isFloat('effective_rank'), smaller);
    }),
  );
};

const reason = 'it replaces the tail of the spectrum of the weight, which depends on the weight';

/** PEFT leaves targets of another kind as they are. */
const parts =
  (spec: ModelSpec, rankOf: (m: ModuleSpec, smaller: number) => number) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return E.right([]);
    const [rows = 0, columns = 0] = m.params['weight'] ?? [];
    const smaller = Math.min(rows, columns);
    const k = rankOf(m, smaller);
    if (k < 1)
      return fail('adapter_config.json: effective_rank', `a rank of at least 1 for ${m.name}`, `${k} of ${smaller}`);
    const tensors: Readonly<Record<string, readonly [string, Shape]>> = {
      U: ['osf_svd_params.U_low', [rows, smaller - k]],
      S: ['osf_svd_params.S_low', [smaller - k]],
      V: ['osf_svd_params.V_low', [smaller - k, columns]],
    };
    return E.right([weightPart(spec, m, tensors, { k }, 'dependent', reason)]);
  };

/** The triplets of W that do not stay. */
const start =
  (weights: Weights) =>
  (site: Site<Detail>, role: string, shape: Shape): Result<Tensor> => {
    const W = lookup(weights, site.stored[0] ?? site.key);
    if (W === undefined) return fail(`weights: ${site.key}`, 'the base weight, which OSF decomposes', 'no such tensor');
    const { U, S, Vt } = spectrumOf(W);
    const { k } = site.detail;
    if (role === 'S') return E.right(tensorOf(Float32Array.from(S.subarray(k)), shape));
    if (role === 'V') return E.right(tensorOf(Float32Array.from(Vt.data.subarray(k * Vt.cols)), shape));
    const low = Float32Array.from({ length: U.rows * (U.cols - k) }, (_, i) => {
      const [row, column] = [Math.floor(i / (U.cols - k)), i % (U.cols - k)];
      return U.data[row * U.cols + k + column] as number;
    });
    return E.right(tensorOf(low, shape));
  };

/** OSF. */
export const osf: Method<OsfConfig, Detail> = {
  peftType: 'OSF',
  reference: 'https://arxiv.org/abs/2504.07097',
  fields,
  targets: { defaults: osfTargets, otherwise: 'all-linear' },
  validate: E.right,
  restructure: restructureSaved,
  layout: (c, context) =>
    F.pipe(
      ranks(c),
      E.chain((rankOf) => moduleLayout(c, context, eachModule(parts(context.spec, rankOf)))),
      E.map((layout) => {
        const own = layout.sites.filter(({ tensors }) => tensors['S'] !== undefined);
        return tellingTime(layout, weightShapes(context.spec, own));
      }),
    ),
  init: (_c, { layout, key, weights, onProgress }) =>
    initParams(layout, key, weights, (site, role, _key, shape) => start(weights)(site, role, shape), onProgress),
  update: (_c, { detail }, { U, S, V }) => ({
    _tag: 'Split',
    k: detail.k,
    U: U as Tensor,
    S: S as Tensor,
    V: V as Tensor,
  }),
};
