/**
 * Super-Tuning: W' = W + S, a sparse change of the entries of W with the largest (or smallest) magnitudes; with a rank it is
 * Supra, which adds LoRA's (alpha / r) B A.
 *
 * "Super-Tuning", https://arxiv.org/abs/2607.09287
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform, normal, type Key } from '../../ops/random.js';
import { lookup, recordOf, type Shape, type Tensor, type Weights } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { all, fail, problem, orProblems, type Result } from '../../problem.js';
import { field, floatField, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  eachModule,
  featuresOf,
  moduleLayout,
  readingWeight,
  restructureSaved,
  unfit,
  weightPart,
} from '../module-layout.js';
import type { Layout, Part, Site } from '../site.js';
import { positiveInt, probability, targetModules } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  init_weights: field(t.boolean, true),
  lora_alpha: nullable(t.number),
  lora_dropout: floatField(probability, 0),
  r: nullable(positiveInt),
  save_precomputed_indices: field(t.boolean, true),
  select_top: field(t.boolean, true),
  sparsity: floatField(probability, 0.99),
} as const satisfies Fields;

type SupertuningConfig = BaseConfig & Values<typeof fields>;

/** How many entries are trained. */
interface Detail {
  readonly n: number;
}

const validate = (c: SupertuningConfig): Result<SupertuningConfig> =>
  orProblems(
    c.r === null && c.lora_alpha !== null
      ? [
          problem(
            'adapter_config.json: lora_alpha',
            'null without a rank r',
            String(c.lora_alpha),
            'Give r for the low-rank part, or leave lora_alpha out.',
          ),
        ]
      : [],
    () => (c.r !== null && c.lora_alpha === null ? { ...c, lora_alpha: 2 * c.r } : c),
  );

const reason = 'the places that it changes are chosen by the weight';

const parts =
  (c: SupertuningConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const n = Math.trunc(out * inputs * (1 - c.sparsity));
    if (n < 1)
      return fail(
        'adapter_config.json: sparsity',
        `a share that leaves some of the ${out * inputs} entries of ${m.name}`,
        String(c.sparsity),
      );
    const saved = c.save_precomputed_indices;
    const tensors: Readonly<Record<string, readonly [string, Shape]>> = {
      values: ['supertuning_values', [n]],
      ...(saved ? { places: ['supertuning_indices', [n]] } : {}),
      ...(c.r === null
        ? {}
        : { A: ['supertuning_lora_A.weight', [c.r, inputs]], B: ['supertuning_lora_B.weight', [out, c.r]] }),
    };
    const detail = { n };
    if (!saved) return E.right([readingWeight(weightPart(spec, m, tensors, detail, 'dependent', reason))]);
    const part = weightPart(spec, m, tensors, detail, 'additive');
    return E.right([
      {
        ...part,
        params: part.params.map((p) =>
          p.name === part.site.tensors['places'] ? { ...p, trainable: false, into: [out * inputs] } : p,
        ),
      },
    ]);
  };

/**
 * The flat places of the n entries of largest or smallest magnitude, in that order, as `torch.topk`; of equal ones the
 * first come first, which torch leaves open.
 */
const extremePlaces = (W: Float32Array, n: number, largest: boolean): Int32Array => {
  // magnitudes of floats order as their bits do; a complement makes the largest come first
  const bits = new Uint32Array(W.buffer, W.byteOffset, W.length);
  const rank = Uint32Array.from(bits, (b) => (largest ? ~b & 0x7fffffff : b & 0x7fffffff));
  const threshold = rank.toSorted()[n - 1] as number;
  const below: number[] = [];
  const equal: number[] = [];
  rank.forEach((x, i) => (x < threshold ? below.push(i) : x === threshold && equal.length < n && equal.push(i)));
  const chosen = [...below, ...equal.slice(0, n - below.length)];
  return Int32Array.from(chosen.toSorted((i, j) => (rank[i] as number) - (rank[j] as number) || i - j));
};

/** Places by weight data, which never changes. */
const known = new WeakMap<object, Int32Array>();

/** Places of the change in a weight whose adapter does not name them. Throws on webgpu, whose values cannot be read synchronously. */
const placesIn = (W: Tensor, n: number, largest: boolean): Int32Array => {
  const found = known.get(W.dataId);
  if (found?.length === n) return found;
  const places = extremePlaces(W.dataSync() as Float32Array, n, largest);
  known.set(W.dataId, places);
  return places;
};

const savedPlaces =
  (c: SupertuningConfig, weights: Weights) =>
  ({ key, stored, tensors, detail }: Site<Detail>): Result<readonly [string, Int32Array]> => {
    const W = lookup(weights, stored[0] ?? key);
    return W === undefined
      ? fail(`weights: ${key}`, 'the base weight, whose magnitudes choose the places', 'no such tensor')
      : E.right([tensors['places'] as string, placesIn(W, detail.n, c.select_top)]);
  };

const update = (
  c: SupertuningConfig,
  { n }: Detail,
  { values, A, B, W }: Readonly<Record<string, Tensor>>,
  saved: Int32Array | undefined,
): WeightUpdate => {
  const sparse: WeightUpdate = {
    _tag: 'Sparse',
    places: saved ?? placesIn(W as Tensor, n, c.select_top),
    values: values as Tensor,
    s: 1,
  };
  if (c.r === null) return sparse;
  const supra = lowRank(B as Tensor, A as Tensor, (c.lora_alpha as number) / c.r);
  return { _tag: 'Sum', updates: [sparse, supra] };
};

const start = (c: SupertuningConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'A') return kaimingUniform(key, shape);
  if (c.init_weights) return tf.zeros([...shape]);
  return role === 'B' ? kaimingUniform(key, shape) : normal(key, shape);
};

/** Super-Tuning and Supra. */
export const supertuning: Method<SupertuningConfig, Detail> = {
  peftType: 'SUPERTUNING',
  reference: 'https://arxiv.org/abs/2607.09287',
  fields,
  targets: likeLora,
  validate,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  indices: (c, layout, weights) =>
    E.map((entries: ReadonlyArray<readonly [string, Int32Array]>) => recordOf(entries))(
      all(
        (layout as Layout<Detail>).sites.filter((s) => s.tensors['places'] !== undefined).map(savedPlaces(c, weights)),
      ),
    ),
  update: (c, { detail }, tensors, { indices }) => update(c, detail, tensors, indices?.['places']),
};
