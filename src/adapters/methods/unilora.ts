/**
 * Uni-LoRA: W' = W + B A, where every entry of all A [r, in] and B [out, r] is an entry of one trained vector: theta[i] / sqrt(n_i),
 * with n_i the number of places that share it. A seed deals the entries out.
 *
 * Li et al., "Uni-LoRA: One Vector is All You Need", https://arxiv.org/abs/2506.00799
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import { tensorOf } from '../../ops/backend.js';
import { normal, uniform, type Key } from '../../ops/random.js';
import { recordOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { numpyChoice, numpyShuffle, pcg64, type TorchFloat } from '../../ops/torch-random/index.js';
import { all, orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method, UpdateOptions } from '../method.js';
import {
  featuresOf,
  moduleLayout,
  restructureSaved,
  trainableParam,
  unfit,
  weightPart,
  type Features,
} from '../module-layout.js';
import { remembered } from '../remembered.js';
import { storageOf, throughStorage } from '../shared-projections.js';
import type { ParamSpec, Part } from '../site.js';
import {
  layerSelection,
  literals,
  naturalInt,
  positiveInt,
  regexLayerProblems,
  targetModules,
} from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...layerSelection,
  bias: field(literals('none', 'all', 'unilora_only'), 'none'),
  fan_in_fan_out: field(t.boolean, false),
  init_theta_d_bound: floatField(
    t.refinement(t.number, (x) => x > 0, 'a number greater than 0'),
    0.02,
  ),
  init_weights: field(t.boolean, true),
  proj_seed: field(naturalInt, 42),
  r: field(positiveInt, 4),
  save_indices: field(t.boolean, false),
  theta_d_length: field(positiveInt, 256),
  unilora_dropout: floatField(
    t.refinement(t.number, (p) => p >= 0 && p <= 1, 'a number in [0, 1]'),
    0,
  ),
} as const satisfies Fields;

type UniloraConfig = BaseConfig & Values<typeof fields>;

/** What the dealing depends on: numpy's seed, the entries of theta, the places of all factors together, the base's storage type. */
interface Deal {
  readonly seed: number;
  readonly length: number;
  readonly places: number;
  readonly dtype: TorchFloat;
}

/** Features of the layer, the deal that all layers share, and the layer's first place in it: A's places, then B's. */
interface Detail extends Features {
  readonly deal: Deal;
  readonly first: number;
}

type Role = 'A' | 'B';

const theta = 'base_model.unilora_theta_d';

/** The entry of theta at each place, as even as can be and shuffled, and 1 / sqrt(n_i) by entry. */
const dealt = remembered(({ seed, length, places, dtype }: Deal) => {
  const generator = pcg64(seed);
  const each = Math.floor(places / length);
  const even = Int32Array.from({ length: each * length }, (_, i) => Math.floor(i / each));
  const rest = places % length;
  const extra = rest === 0 ? new Int32Array(0) : numpyChoice(generator, length, rest);
  const entries = numpyShuffle(generator, Int32Array.from([...even, ...extra]));
  const counts = new Int32Array(length);
  entries.forEach((i) => (counts[i] = (counts[i] as number) + 1));
  const scales = Float32Array.from(counts, (n) => (n === 0 ? 0 : 1 / Math.fround(Math.sqrt(n))));
  // PEFT moves the scales to the base's type and back
  return { entries, scales: throughStorage(scales, dtype) };
});

const shapeOf = (r: number, { out, in: inputs }: Features, role: Role): Shape =>
  role === 'A' ? [r, inputs] : [out, r];

/** Entries of one factor, row-major. */
const entriesOf = (c: UniloraConfig, { deal, first, ...features }: Detail, role: Role): Int32Array => {
  const [start, length] = role === 'A' ? [first, c.r * features.in] : [first + c.r * features.in, features.out * c.r];
  return dealt(deal).entries.subarray(start, start + length);
};

const scalesOf = (c: UniloraConfig, detail: Detail, role: Role): Float32Array => {
  const { scales } = dealt(detail.deal);
  return Float32Array.from(entriesOf(c, detail, role), (i) => scales[i] as number);
};

/** Indices and scales of a layer in the file: asked for, or there. */
const heldRoles = (c: UniloraConfig, features: Features): Readonly<Record<string, readonly [string, Shape]>> => ({
  indicesA: ['unilora_indices_A', shapeOf(c.r, features, 'A')],
  indicesB: ['unilora_indices_B', shapeOf(c.r, features, 'B')],
  scalesA: ['unilora_scales_A', shapeOf(c.r, features, 'A')],
  scalesB: ['unilora_scales_B', shapeOf(c.r, features, 'B')],
});

const frozen = (c: UniloraConfig, p: ParamSpec): ParamSpec =>
  p.name.includes('.unilora_indices_')
    ? { ...p, trainable: false, into: [c.theta_d_length], repeats: true, dtype: 'I64' }
    : { ...p, trainable: false };

const parts = (
  c: UniloraConfig,
  { spec, has }: LayoutContext,
  modules: ReadonlyArray<ModuleSpec>,
): Result<ReadonlyArray<Part<Detail>>> => {
  const features = modules.map((m) => featuresOf(m, c.fan_in_fan_out));
  const firsts = features.map((_, i) => features.slice(0, i).reduce((n, f) => n + c.r * (f.in + f.out), 0));
  const places = features.reduce((n, f) => n + c.r * (f.in + f.out), 0);
  const deal: Deal = { seed: c.proj_seed, length: c.theta_d_length, places, dtype: storageOf(spec) };
  return all(
    modules.map((m, i): Result<Part<Detail>> => {
      if (m.kind !== 'Linear' && m.kind !== 'Conv1D') return unfit(m, 'a Linear or Conv1D');
      const own = features[i] as Features;
      const detail = { ...own, deal, first: firsts[i] as number };
      const whole = weightPart<Detail>(spec, m, heldRoles(c, own), detail, 'additive');
      const held = c.save_indices || whole.params.every((p) => has(p.name));
      const part = held ? whole : weightPart<Detail>(spec, m, {}, detail, 'additive');
      return E.right({
        ...part,
        site: { ...part.site, tensors: { ...part.site.tensors, theta } },
        params: [
          ...part.params.map((p) => frozen(c, p)),
          ...(i === 0 ? [trainableParam(theta, [c.theta_d_length])] : []),
        ],
      });
    }),
  );
};

/** theta uniform around 0, normal when `init_weights` is false. */
const start = (c: UniloraConfig, detail: Detail, role: string, key: Key, shape: Shape): Tensor => {
  if (role === 'scalesA' || role === 'scalesB')
    return tensorOf(scalesOf(c, detail, role === 'scalesA' ? 'A' : 'B'), shape);
  return c.init_weights ? uniform(key, shape, -c.init_theta_d_bound, c.init_theta_d_bound) : normal(key, shape);
};

const update = (
  c: UniloraConfig,
  detail: Detail,
  tensors: Readonly<Record<string, Tensor>>,
  indices: UpdateOptions['indices'],
): WeightUpdate => {
  const vector = tensors['theta'] as Tensor;
  const factor = (role: Role): Tensor => {
    const entries = tf.tensor1d(indices?.[`indices${role}`] ?? entriesOf(c, detail, role), 'int32');
    const scales = tensors[`scales${role}`];
    // what a file does not hold by place is known by entry, of which there are fewer
    const own = scales === undefined ? tf.mul(vector, tensorOf(dealt(detail.deal).scales, vector.shape)) : vector;
    const values = tf.reshape(tf.gather(own, entries), [...shapeOf(c.r, detail, role)]);
    return scales === undefined ? values : tf.mul(values, scales);
  };
  const [A, B] = [factor('A'), factor('B')];
  return detail.transposed ? lowRank(tf.transpose(A), tf.transpose(B), 1) : lowRank(B, A, 1);
};

/** Uni-LoRA. */
export const unilora: Method<UniloraConfig, Detail> = {
  peftType: 'UNILORA',
  reference: 'https://arxiv.org/abs/2506.00799',
  fields,
  targets: likeLora,
  validate: (c) => orProblems(regexLayerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, (modules) => parts(c, context, modules)),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (site, role, k, shape) => E.right(start(c, site.detail, role, k, shape))),
  startsElsewhere: () => true,
  indices: (c, { sites }) =>
    E.right(
      recordOf(
        sites.flatMap(({ tensors, detail }) =>
          (['A', 'B'] as const).flatMap((role) => {
            const name = tensors[`indices${role}`];
            return name === undefined ? [] : [[name, entriesOf(c, detail, role)] as const];
          }),
        ),
      ),
    ),
  update: (c, { detail }, tensors, { indices }) => update(c, detail, tensors, indices),
};
