/**
 * Where LoRA's training starts (`init_lora_weights`).
 */
import { E } from '../../../fp.js';
import { tensorOf } from '../../../ops/backend.js';
import { kaimingUniform, normal, normalValues, split, uniform, type Key } from '../../../ops/random.js';
import { lookup, recordOf, sizeOf, type Shape, type Tensor, type Weights } from '../../../ops/tensor.js';
import { tf } from '../../../ops/tf.js';
import { all, fail, type Result } from '../../../problem.js';
import { initAuxiliary, isAuxiliary } from '../../auxiliary.js';
import type { InitContext } from '../../method.js';
import type { ParamSpec, Site } from '../../site.js';
import { applyUpdate, normsOf } from '../../updates/apply.js';
import type { Normalize } from '../../update.js';
import { startBlocks } from './block-diagonal.js';
import type { LoraConfig } from './config.js';
import { startSampler } from './monteclora.js';
import { orthogonalMatrix } from './orthogonal.js';
import { startFromWeight, startsFromWeight } from './start-from-weight.js';
import { startName } from './starts.js';
import { loraUpdate, type LoraDetail } from './update.js';
import { startDirection } from './velora.js';

const zeros = (shape: Shape): Tensor => tf.zeros([...shape]);

type Start = (keys: readonly [Key, Key], A: Shape, B: Shape, bias: Shape | undefined) => ReadonlyArray<Tensor>;

/** A ~ kaiming, B = 0. */
const standard: Start = ([a], A, B, bias) => [
  kaimingUniform(a, A),
  zeros(B),
  ...(bias === undefined ? [] : [zeros(bias)]),
];

/** A ~ N(0, 1 / r^2), B = 0. */
const gaussian: Start = ([a], A, B, bias) => [
  normal(a, A, 0, 1 / (A[0] as number)),
  zeros(B),
  ...(bias === undefined ? [] : [zeros(bias)]),
];

/** A and B as nn.Linear starts: neither is zero, so the adapter is not the identity. */
const random: Start = ([a, b], A, B, bias) => {
  const [weight, shift] = split(b) as [Key, Key];
  const bound = 1 / Math.sqrt(B[1] as number);
  return [
    kaimingUniform(a, A),
    kaimingUniform(weight, B),
    ...(bias === undefined ? [] : [uniform(shift, bias, -bound, bound)]),
  ];
};

/**
 * A = (X Q_odd)^T / 10 and B = Y Q_even / 10 with X, Y normal and Q orthogonal [r, r]: B A = 0 though neither is zero.
 */
const orthogonal: Start = ([a, b], A, B) => {
  const r = A[0] as number;
  const [q, x] = split(a) as [Key, Key];
  const Q = orthogonalMatrix(normalValues(q, r * r), r);
  const rows = (parity: 0 | 1): Tensor =>
    tensorOf(
      Float32Array.from({ length: (r / 2) * r }, (_, i) => Q[(2 * Math.floor(i / r) + parity) * r + (i % r)] as number),
      [r / 2, r],
    );
  const half = (key: Key, n: number, Qh: Tensor): Tensor =>
    tf.div(tf.matMul(normal(key, [n, r / 2]) as tf.Tensor2D, Qh as tf.Tensor2D), 10);
  return [tf.transpose(half(x, A[1] as number, rows(0))), half(b, B[0] as number, rows(1))];
};

/** Embeddings start the other way round: A = 0 and B ~ N(0, 1); with `false` both are normal. */
const embedding =
  (plain: boolean): Start =>
  ([a, b], A, B) => [plain ? normal(a, A) : zeros(A), normal(b, B)];

const startOf = (config: LoraConfig, detail: LoraDetail): Start => {
  const init = config.init_lora_weights;
  if (detail._tag === 'Embedding') return embedding(init === false);
  if (init === false) return random;
  const name = startName(init);
  return name === 'gaussian' ? gaussian : name === 'orthogonal' ? orthogonal : standard;
};

/** A and B, and the bias of B, where a site's training starts. */
const startFactors = (
  config: LoraConfig,
  site: Site<LoraDetail>,
  keys: readonly [Key, Key],
  weights: Weights,
  [A, B, bias]: readonly [A: Shape, B: Shape, bias: Shape | undefined],
): Result<ReadonlyArray<Tensor>> => {
  if (startsFromWeight(config, site)) return startFromWeight(config, site, weights);
  const { detail } = site;
  const start = startOf(config, detail)(keys, A, B, bias);
  const wide = detail._tag === 'Linear' && detail.form?._tag === 'Blocks' && detail.form.factor === 'A';
  return E.right(wide ? [startBlocks(keys[0], A), ...start.slice(1)] : start);
};

/** The tensors of a variant beside A and B, by role. */
const startMore = (config: LoraConfig, { detail }: Site<LoraDetail>, key: Key): Readonly<Record<string, Tensor>> => {
  if (detail._tag !== 'Linear') return {};
  const { form, r } = detail;
  if (config.monteclora_config !== null) return startSampler(config.monteclora_config, key, r);
  return form?._tag === 'Diagonal' ? { q: normal(key, [r]) } : {};
};

const startProblem = (config: LoraConfig, site: Site<LoraDetail>): Result<void> => {
  const orthogonalInit =
    typeof config.init_lora_weights === 'string' && config.init_lora_weights.toLowerCase() === 'orthogonal';
  if (orthogonalInit && site.detail._tag !== 'Bias' && site.detail.r % 2 === 1)
    return fail(
      'adapter_config.json: init_lora_weights',
      `an even rank for "orthogonal" (${site.module})`,
      `r = ${site.detail.r}`,
    );
  if (orthogonalInit && !['Bias', 'Linear', 'AttentionOut'].includes(site.detail._tag))
    return fail(
      'adapter_config.json: init_lora_weights',
      `a linear layer for "orthogonal"`,
      `${site.module}, which is none`,
    );
  return E.right(undefined);
};

/** DoRA's magnitude: the norms of the weight that the adapter starts from. */
const magnitude = (site: Site<LoraDetail>, A: Tensor, B: Tensor, W: Tensor, shape: Shape): Tensor => {
  const update = loraUpdate(site.detail, { A, B, m: tf.ones([sizeOf(shape)]) }, { likePeft: false });
  if (update._tag === 'Branch') return tf.reshape(normsOf(W, 0), [...shape]);
  const { axis, update: change } = update as Normalize;
  return tf.reshape(normsOf(applyUpdate(change, W), axis), [...shape]);
};

const initSite = (
  config: LoraConfig,
  site: Site<LoraDetail>,
  key: Key,
  weights: Weights,
  shapeOf: (name: string) => Shape,
  biasName: string | undefined,
): Result<ReadonlyArray<readonly [string, Tensor]>> => {
  const problem = startProblem(config, site);
  if (E.isLeft(problem)) return problem;
  const { A: a, B: b, m } = site.tensors as Record<string, string>;
  if (a === undefined || b === undefined) return E.right([]);
  const [forA, forB, forMore] = split(key, 3) as [Key, Key, Key];
  const biasShape = biasName === undefined ? undefined : shapeOf(biasName);
  const start = startFactors(config, site, [forA, forB], weights, [shapeOf(a), shapeOf(b), biasShape]);
  if (E.isLeft(start)) return start;
  const [A, B, bias] = start.right;
  const e = site.tensors['e'];
  const factors = [
    [a, A as Tensor],
    [b, B as Tensor],
    ...(biasName !== undefined && bias !== undefined ? [[biasName, bias] as const] : []),
    ...Object.entries(startMore(config, site, forMore)).map(([role, t]) => [site.tensors[role] as string, t] as const),
    ...(e === undefined || config.velora_config === null
      ? []
      : [[e, startDirection(config.velora_config, forMore, shapeOf(e)[0] as number)] as const]),
  ] as const;
  if (m === undefined) return E.right(factors);
  const W = lookup(weights, site.stored[0] ?? site.key);
  return W === undefined
    ? fail(`weights: ${site.key}`, 'the base weight, whose norm DoRA starts from', 'no such tensor')
    : E.right([...factors, [m, magnitude(site, A as Tensor, B as Tensor, W, shapeOf(m))]]);
};

/**
 * The start of training: by default A random and B = 0, so that the adapter changes nothing yet.
 *
 * `init_lora_weights`: true (kaiming, zero), false (both random), "gaussian", "orthogonal"; "mica", "pissa" and "olora" from the
 * weights; "eva" starts as true does and awaits its data-driven step (evaInit). Errors: "orthogonal" on other than linear layers or with an odd rank, base weights that
 * DoRA, modules_to_save, bias or token rows start from and that are missing.
 */
export const initLora = (
  config: LoraConfig,
  { layout, key, weights, onProgress }: InitContext<LoraDetail>,
): Result<Weights> => {
  const shapes = new Map(layout.params.map((p: ParamSpec) => [p.name, p.shape]));
  const shapeOf = (name: string): Shape => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new TypeError(`layout: no parameter ${name}`);
    return shape;
  };
  const biasOf = new Map(
    layout.sites.flatMap((s) => (s.tensors['bias'] === undefined ? [] : [[s.module, s.tensors['bias']] as const])),
  );
  const keys = split(key, layout.sites.length);
  const parts = layout.sites.map((site, i) => {
    const values = isAuxiliary(site)
      ? initAuxiliary(site, weights)
      : initSite(config, site, keys[i] as Key, weights, shapeOf, biasOf.get(site.module));
    onProgress?.({ module: site.module, done: i + 1, total: layout.sites.length });
    return values;
  });
  return E.map((entries: ReadonlyArray<ReadonlyArray<readonly [string, Tensor]>>) => recordOf(entries.flat()))(
    all(parts),
  );
};
