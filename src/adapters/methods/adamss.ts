/**
 * AdaMSS: W' = W + S, where the outputs of a layer fall into K clusters and cluster k changes by B_k A_k V: V [r, in] are leading
 * right singular vectors of W, frozen, A_k [r_k, r] and B_k [outputs of k, r_k]. A bias counts as one more column of W.
 *
 * Zheng et al., "AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning" (NeurIPS 2025)
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { matrix, multiply, qr, svd, tensorOfMatrix, transposed, type Matrix } from '../../ops/linalg/index.js';
import { matMul } from '../../ops/mat-mul.js';
import { normal, type Key } from '../../ops/random.js';
import { lookup, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Problem, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import { rowClusters, type Division, type RowClusters } from '../row-clusters.js';
import type { Part } from '../site.js';
import { layerSelection, positiveInt, targetModules, torchSeed } from '../targeting-fields.js';
import { changed, loraTargets } from '../targets/defaults.js';
import { dense, lowRank, type WeightUpdate } from '../update.js';

const orthogonal = new t.Type<'orthogonal' | null, unknown, unknown>(
  '"orthogonal" or null',
  (u): u is 'orthogonal' | null => u === 'orthogonal' || u === null,
  (u, c) => (u === 'orthogonal' ? t.success(u) : u === null || u === false ? t.success(null) : t.failure(u, c)),
  t.identity,
);

const fields = {
  ...targetModules,
  ...layerSelection,
  asa_importance_beta: floatField(t.number, 0.85),
  asa_schedule_exponent: floatField(t.number, 3),
  asa_target_subspaces: field(t.Integer, 50),
  asa_uncertainty_beta: floatField(t.number, 0.85),
  final_warmup: field(t.Integer, 1000),
  init_warmup: field(t.Integer, 50),
  init_weights: field(orthogonal, 'orthogonal'),
  mask_interval: field(t.Integer, 100),
  num_subspaces: field(positiveInt, 5),
  r: field(positiveInt, 100),
  random_seed: field(torchSeed, 0),
  subspace_rank: field(positiveInt, 1),
  svd_threshold: floatField(t.number, 0.1),
  use_asa: field(t.boolean, false),
  use_dynamic_rank: field(t.boolean, false),
} as const satisfies Fields;

type AdamssConfig = BaseConfig & Values<typeof fields>;

/** The division of a layer, and which of its two parameters a site changes. */
interface Detail {
  readonly division: Division;
  readonly inputs: number;
  readonly parameter: 'weight' | 'bias';
}

const asaProblems = (c: AdamssConfig): ReadonlyArray<Problem> => {
  const at = (name: keyof typeof fields): string => `adapter_config.json: ${name}`;
  if (!c.use_asa) return [];
  const positive = (['mask_interval', 'asa_target_subspaces', 'asa_schedule_exponent'] as const)
    .filter((name) => !(c[name] > 0))
    .map((name) => problem(at(name), 'a number greater than 0 with use_asa', String(c[name])));
  return c.init_warmup < c.final_warmup
    ? positive
    : [...positive, problem(at('init_warmup'), `less than final_warmup, ${c.final_warmup}`, String(c.init_warmup))];
};

const reason = 'the outputs that share factors are clustered by the weight';

const ranks = (c: AdamssConfig, { segments, U }: RowClusters): ReadonlyArray<number> =>
  segments.map((segment) => {
    const most = Math.min(segment.length, c.subspace_rank, U.cols);
    if (!c.use_dynamic_rank) return Math.max(1, most);
    const { S } = svd(rowsAt(U, segment));
    // singular values of the Gram matrix
    const significant = S.filter((s) => s * s > c.svd_threshold * (S[0] as number) ** 2).length;
    return Math.max(1, Math.min(significant, most));
  });

const rowsAt = ({ cols, data }: Matrix, rows: Int32Array): Matrix => {
  const out = new Float64Array(rows.length * cols);
  rows.forEach((row, i) => out.set(data.subarray(row * cols, (row + 1) * cols), i * cols));
  return matrix(rows.length, cols, out);
};

/** Sizes of the clusters and their ranks: those of the file, or at init those of the weight. */
const sizesOf = (
  c: AdamssConfig,
  { shapeOf, weights }: LayoutContext,
  part: Part<Detail>,
  out: number,
): Result<ReadonlyArray<readonly [size: number, rank: number]>> => {
  const { division } = part.site.detail;
  const prefix = (part.site.tensors['V'] as string).replace(/newB$/, '');
  if (shapeOf !== undefined)
    return E.right(
      Array.from({ length: division.clusters }, (_, k) => [
        shapeOf(`${prefix}B.${k}`)?.[0] ?? 1,
        shapeOf(`${prefix}A.${k}`)?.[0] ?? 1,
      ]),
    );
  if (division.clusters === 1 && !c.use_dynamic_rank)
    return E.right([[out, Math.min(out, c.subspace_rank, division.r)]]);
  const found = clustersAt(part.site, weights ?? {});
  return E.map((clusters: RowClusters) => {
    const rank = ranks(c, clusters);
    return clusters.segments.map((s, k) => [s.length, rank[k] as number] as const);
  })(found);
};

const clustersAt = ({ key, reads = {}, detail }: Part<Detail>['site'], weights: Weights): Result<RowClusters> => {
  const [W, b] = ['W', 'b'].map((role) => lookup(weights, reads[role] ?? ''));
  return W === undefined
    ? fail(`weights: ${key}`, 'the base weight, which AdaMSS decomposes', 'no such tensor')
    : E.right(rowClusters(W, b, detail.division));
};

const parts =
  (c: AdamssConfig, spec: ModelSpec, context: LayoutContext) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const bias = m.params['bias'] === undefined ? undefined : ownerOf(spec, paramKey(m.name, 'bias'));
    const width = inputs + (bias === undefined ? 0 : 1);
    const division = { r: Math.min(c.r, out, width), clusters: Math.min(c.num_subspaces, out), seed: c.random_seed };
    const detail: Detail = { division, inputs, parameter: 'weight' };
    const frozen = { V: ['adamss_newB', [division.r, width]] } as const;
    const reading = (part: Part<Detail>): Part<Detail> => {
      const W = ownerOf(spec, paramKey(m.name, 'weight'));
      return { ...part, site: { ...part.site, reads: { W, ...(bias === undefined ? {} : { b: bias }) } } };
    };
    return E.chain((sizes: ReadonlyArray<readonly [number, number]>): Result<ReadonlyArray<Part<Detail>>> => {
      const total = sizes.reduce((sum, [size]) => sum + size, 0);
      if (total !== out)
        return fail(
          `adapter_model.safetensors: ${m.name}.adamss_B`,
          `clusters that make up the ${out} outputs`,
          String(total),
        );
      const factors = sizes.flatMap(([size, rank], k): ReadonlyArray<readonly [string, readonly [string, Shape]]> => [
        [`A${k}`, [`adamss_A.${k}`, [rank, division.r]]],
        [`B${k}`, [`adamss_B.${k}`, [size, rank]]],
      ]);
      const tensors = { ...Object.fromEntries(factors), ...frozen };
      const full = reading(weightPart(spec, m, tensors, detail, 'dependent', reason));
      const params = full.params.map((p) => (p.name === full.site.tensors['V'] ? { ...p, trainable: false } : p));
      const ofBias = {
        key: paramKey(m.name, 'bias'),
        stored: [bias ?? ''],
        detail: { ...detail, parameter: 'bias' },
      } as const;
      return E.right([
        { ...full, params },
        ...(bias === undefined ? [] : [{ ...full, params: [], site: { ...full.site, ...ofBias } }]),
      ]);
    })(sizesOf(c, context, reading(weightPart(spec, m, frozen, detail, 'dependent', reason)), out));
  };

/** The rows of blockdiag(B_0, B_1, ...) back at their outputs, [out, sum of ranks]. */
const scattered = (blocks: ReadonlyArray<Tensor>, segments: RowClusters['segments']): Tensor => {
  const width = blocks.reduce((n, b) => n + (b.shape[1] as number), 0);
  const starts = blocks.map((_, k) => blocks.slice(0, k).reduce((n, b) => n + (b.shape[1] as number), 0));
  const rows = blocks.map((b, k) => {
    const start = starts[k] as number;
    return tf.pad(b, [
      [0, 0],
      [start, width - start - (b.shape[1] as number)],
    ]);
  });
  const order = segments.flatMap((s) => [...s]);
  const places = new Int32Array(order.length);
  order.forEach((output, i) => (places[output] = i));
  return tf.gather(tf.concat(rows, 0), tf.tensor1d(places, 'int32'));
};

const update = (detail: Detail, { W, b, V, ...factors }: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const { division, inputs, parameter } = detail;
  const { segments } = rowClusters(W as Tensor, b, division);
  const all = (role: string): ReadonlyArray<Tensor> => segments.map((_, k) => factors[`${role}${k}`] as Tensor);
  const blocks = all('B');
  if (blocks.some((B, k) => B.shape[0] !== segments[k]?.length))
    throw new RangeError(
      `AdaMSS: the clusters of this weight have ${segments.map((s) => s.length).join(', ')} outputs, those of the ` +
        `adapter ${blocks.map((B) => B.shape[0]).join(', ')}: is this the base that it was trained on?`,
    );
  const B = scattered(blocks, segments);
  const r = division.r;
  const [from, count] = parameter === 'weight' ? [0, inputs] : [inputs, 1];
  const A = matMul(tf.concat([...all('A')], 0), tf.slice(V as Tensor, [0, from], [r, count]));
  return parameter === 'weight' ? lowRank(B, A, 1) : dense(tf.reshape(matMul(B, A), [-1]));
};

/** V from the decomposition; A_k orthonormal rows that span the leading part of cluster k; B_k = 0, or small normal numbers. */
const start = (c: AdamssConfig, clusters: RowClusters, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'V') return tensorOfMatrix(clusters.Vt);
  if (role.startsWith('B')) return c.init_weights === null ? normal(key, shape, 0, 0.01) : tf.zeros([...shape]);
  const data = rowsAt(clusters.U, clusters.segments[Number(role.slice(1))] as Int32Array);
  const { U } = svd(data);
  const rank = shape[0] as number;
  const lead = matrix(
    U.rows,
    rank,
    U.data.filter((_, i) => i % U.cols < rank),
  );
  return tensorOfMatrix(transposed(qr(multiply(transposed(data), lead)).Q));
};

/** AdaMSS. */
export const adamss: Method<AdamssConfig, Detail> = {
  peftType: 'ADAMSS',
  reference: 'https://openreview.net/forum?id=8ZdWmpYxT0',
  fields,
  targets: { defaults: changed(loraTargets, { vit: ['query', 'value'] }) },
  validate: (c) => orProblems(asaProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec, context))),
  init: (c, { layout, key, weights, onProgress }) =>
    initParams(
      layout,
      key,
      weights,
      (site, role, k, shape) =>
        E.map((clusters: RowClusters) => start(c, clusters, role, k, shape))(clustersAt(site, weights)),
      onProgress,
    ),
  update: (_c, { detail }, tensors) => update(detail, tensors),
};
