/**
 * IA3: W' = diag(l) W and b' = l * b, or W' = W diag(l) for feed-forward modules; l starts at 1.
 *
 * Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
 * https://arxiv.org/abs/2205.05638
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { normal, type Key } from '../../ops/random.js';
import { lookup, sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, orProblems, problem, type Result } from '../../problem.js';
import { field, nullable, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { ia3Feedforward, ia3Targets } from '../targets/defaults/others.js';
import { compilePattern, fullMatch } from '../targets/pattern.js';
import { excludeModules, names, targetModules } from '../targeting-fields.js';
import { scale, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...excludeModules,
  fan_in_fan_out: field(t.boolean, false),
  feedforward_modules: nullable(t.union([t.string, names], 'a regular expression or a list of names')),
  init_ia3_weights: field(t.boolean, true),
} as const satisfies Fields;

type Ia3Config = BaseConfig & Values<typeof fields>;

/** The axis of the weight's matrix view that l runs along, and how many columns share an entry (a kernel's, in convolutions). */
interface Detail {
  readonly axis: 0 | 1;
  readonly repeat: number;
  /** Groups of a convolution whose inputs are scaled: each has its own rows and its own part of l. */
  readonly groups: number;
  /** Rows of the weight. */
  readonly rows: number;
}

const noFeedforward = (modelType: string | undefined): Result<never> =>
  fail(
    'adapter_config.json: feedforward_modules',
    'the targets whose inputs are scaled',
    `none, and ${modelType === undefined ? 'this model has no model_type' : `model type ${modelType} has no default`}`,
    'List their names, or give [] where all outputs are scaled.',
  );

/** PEFT compares plain ends of names here, without regard to dots; null stands for the architecture's default. */
const isFeedforward = (c: Ia3Config, { modelType }: ModelSpec): Result<(name: string) => boolean> => {
  const given = c.feedforward_modules ?? lookup(ia3Feedforward, modelType ?? '');
  if (given === undefined) return noFeedforward(modelType);
  if (typeof given !== 'string') return E.right((name) => given.some((g) => name.endsWith(g)));
  return E.map((pattern: Parameters<typeof fullMatch>[0]) => (name: string) => fullMatch(pattern, name))(
    compilePattern(given, 'adapter_config.json: feedforward_modules'),
  );
};

const validate = (c: Ia3Config): Result<Ia3Config> => {
  const [targets, feedforward] = [c.target_modules, c.feedforward_modules];
  const stray =
    typeof targets === 'string' || targets === null || typeof feedforward === 'string' || feedforward === null
      ? []
      : feedforward.filter((name) => !targets.includes(name));
  return orProblems(
    stray.map((name) =>
      problem('adapter_config.json: feedforward_modules', 'names that are in target_modules too', `"${name}"`),
    ),
    () => c,
  );
};

/** l has one entry a channel; PEFT stores it with ones for the other axes: (out, 1), (1, in), (1, channels, 1, ...). */
const shapeOf = (m: ModuleSpec, feedforward: boolean, size: number): Shape =>
  m.conv !== undefined ? [1, size, ...m.conv.kernel.map(() => 1)] : feedforward ? [1, size] : [size, 1];

const parts =
  (c: Ia3Config, spec: ModelSpec, feedforward: (name: string) => boolean) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (!['Linear', 'Conv1D', 'Conv2d', 'Conv3d'].includes(m.kind))
      return unfit(m, 'a Linear, Conv1D, Conv2d or Conv3d');
    const ff = feedforward(m.name);
    const features = featuresOf(m, c.fan_in_fan_out);
    const groups = ff ? (m.conv?.groups ?? 1) : 1;
    const axis = ff === features.transposed ? 0 : 1;
    const shape = shapeOf(m, ff, ff ? features.in : features.out);
    const weight = weightPart<Detail>(
      spec,
      m,
      { l: ['ia3_l', shape] },
      { axis, repeat: axis === 1 ? sizeOf(m.conv?.kernel ?? []) : 1, groups, rows: features.out },
      groups === 1 ? 'diagonal' : 'dependent',
      groups === 1 ? diagonal : grouped,
    );
    if (ff || m.params['bias'] === undefined) return E.right([weight]);
    const key = paramKey(m.name, 'bias');
    const bias: Part<Detail> = {
      ...weight,
      site: { ...weight.site, key, stored: [key], detail: { axis: 0, repeat: 1, groups: 1, rows: features.out } },
      params: [],
    };
    return E.right([weight, bias]);
  };

const diagonal = 'it scales rows or columns of the weight instead of adding to it';

const grouped = 'it scales the inputs of each group of a convolution in its own rows of the weight';

/** l = 1, or normal numbers when `init_ia3_weights` is false. */
const start = (c: Ia3Config, key: Key, shape: Shape): Tensor =>
  c.init_ia3_weights ? tf.ones([...shape]) : normal(key, shape);

/** Each entry of l n times over. */
const repeated = (l: Tensor, n: number): Tensor =>
  n === 1 ? l : tf.reshape(tf.tile(tf.reshape(l, [-1, 1]), [1, n]), [-1]);

/** W * (1 + B A): row i of W belongs to one of the groups, B [m, groups] says which, and A holds the parts of l less 1. */
const byGroup = (l: Tensor, rows: number, groups: number): WeightUpdate => {
  const group = Int32Array.from({ length: rows }, (_, i) => Math.floor((i * groups) / rows));
  const B = tf.cast(tf.oneHot(tf.tensor1d(group, 'int32'), groups), 'float32');
  return { _tag: 'Modulate', B, A: tf.sub(tf.reshape(l, [groups, -1]), 1), s: 1 };
};

/** IA3. */
export const ia3: Method<Ia3Config, Detail> = {
  peftType: 'IA3',
  reference: 'https://arxiv.org/abs/2205.05638',
  fields,
  targets: { defaults: ia3Targets, keepsLists: true },
  validate,
  restructure: restructureSaved,
  layout: (c, context) =>
    F.pipe(
      isFeedforward(c, context.spec),
      E.chain((feedforward) => moduleLayout(c, context, eachModule(parts(c, context.spec, feedforward)))),
    ),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) => E.right(start(c, k, shape))),
  update: (_c, { detail: { axis, repeat, groups, rows } }, { l }) => {
    const each = repeated(l as Tensor, repeat);
    return groups === 1 ? scale(each, axis) : byGroup(each, rows, groups);
  },
};
