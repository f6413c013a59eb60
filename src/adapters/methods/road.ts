/**
 * RoAd: W' = R W and b' = R b, where R turns and scales pairs of outputs: within each group of g features, feature j < g / 2 goes
 * with feature j + g / 2, y_j = a_j cos(t_j) x_j - b_j sin(s_j) x_(j + g / 2) and y_(j + g / 2) likewise.
 *
 * The variants say how many of the angles and scales of a pair are shared: all (road_1), those of a row (road_2), none (road_4).
 *
 * Liao and Monz, "3-in-1: 2D Rotary Adaptation for Efficient Finetuning, Efficient Batching and Composability",
 * https://arxiv.org/abs/2409.00119
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { normal, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { fail, type Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { literals, targetModules } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { rotate } from '../update.js';

const fields = {
  ...targetModules,
  group_size: field(
    t.refinement(t.Integer, (n) => n > 0 && n % 2 === 0, 'an even integer greater than 0'),
    64,
  ),
  init_weights: field(t.boolean, true),
  variant: field(literals('road_1', 'road_2', 'road_4'), 'road_1'),
} as const satisfies Fields;

type RoadConfig = BaseConfig & Values<typeof fields>;

/** Angles for each output feature, by variant. */
const anglesPerOutput = { road_1: 0.5, road_2: 1, road_4: 2 } as const;

const reason = 'it rotates and scales pairs of outputs instead of adding to the weight';

const parts =
  (c: RoadConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<number>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out } = featuresOf(m);
    if (out % c.group_size !== 0)
      return fail(
        'adapter_config.json: group_size',
        `a divisor of the ${out} outputs of ${m.name}`,
        String(c.group_size),
      );
    const size = out * anglesPerOutput[c.variant];
    const roles = { theta: ['road_theta', [size]], alpha: ['road_alpha', [size]] } as const;
    const weight = weightPart(spec, m, roles, out, 'orthogonal', reason);
    if (m.params['bias'] === undefined) return E.right([weight]);
    const key = paramKey(m.name, 'bias');
    return E.right([weight, { ...weight, site: { ...weight.site, key, stored: [key] }, params: [] }]);
  };

/** Features in the order of their pairs. */
const pairs = (out: number, group: number): Int32Array =>
  Int32Array.from({ length: out }, (_, i) => {
    const [pair, second] = [Math.floor(i / 2), i % 2];
    const half = group / 2;
    return Math.floor(pair / half) * group + (pair % half) + second * half;
  });

/** Factors of a feature itself (c1) and of its partner (c2), each [groups, 2, g / 2]. */
const columns = (c: RoadConfig, theta: Tensor, alpha: Tensor): readonly [c1: Tensor, c2: Tensor] => {
  const half = c.group_size / 2;
  const split = (x: Tensor): readonly [own: Tensor, partner: Tensor] => {
    if (c.variant === 'road_4') {
      const [own, partner] = tf.unstack(tf.reshape(x, [-1, 2, 2, half]), 1);
      return [own as Tensor, partner as Tensor];
    }
    const grouped = tf.reshape(x, [-1, c.variant === 'road_1' ? 1 : 2, half]);
    return [grouped, grouped];
  };
  const [[t1, t2], [a1, a2]] = [split(theta), split(alpha)];
  return [tf.mul(a1, tf.cos(t1)), tf.mul(a2, tf.sin(t2))];
};

/** The 2 x 2 blocks [[c1, -c2], [c2', c1']] of the pairs, [out / 2, 2, 2]. */
const blocks = (c1: Tensor, c2: Tensor): Tensor => {
  // with shared angles both rows of a pair read the same one
  const [upper1, upper2] = [tf.unstack(c1, 1), tf.unstack(c2, 1)];
  const [first1, first2] = [upper1[0] as Tensor, upper2[0] as Tensor];
  const [second1, second2] = [upper1[1] ?? first1, upper2[1] ?? first2];
  return tf.reshape(tf.stack([first1, tf.neg(first2), second2, second1], 2), [-1, 2, 2]);
};

/** Angles 0 and scales 1; N(0, 1/4) and N(1, 1/4) when `init_weights` is false. */
const start = (c: RoadConfig, role: string, key: Key, shape: Shape): Tensor => {
  const mean = role === 'alpha' ? 1 : 0;
  return c.init_weights ? tf.fill([...shape], mean) : normal(key, shape, mean, 0.5);
};

/** RoAd. */
export const road: Method<RoadConfig, number> = {
  peftType: 'ROAD',
  reference: 'https://arxiv.org/abs/2409.00119',
  fields,
  targets: likeLora,
  validate: E.right,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  update: (c, { detail: out }, { theta, alpha }) =>
    rotate(blocks(...columns(c, theta as Tensor, alpha as Tensor)), 0, pairs(out, c.group_size)),
};
