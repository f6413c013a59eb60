/**
 * Convolutions over plain, merged or attached weights.
 */
import { updateOf, type ModelWeights } from '../../adapters/attached.js';
import { magnitudeRatio } from '../../adapters/updates/apply.js';
import { withLowRank } from '../../adapters/updates/delta.js';
import { forwardUpdate, type Use } from '../../adapters/updates/forward.js';
import { lowRank, normalize, type GroupedConv } from '../../adapters/update.js';
import { convNd } from '../../ops/conv.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { paramKey, type ConvGeometry, type ModuleSpec } from '../spec.js';
import { baseParameter, optionalParameter } from './parameter.js';
import { turnPatches } from './patches.js';

const overChannels = (v: Tensor, rank: number): Tensor => tf.reshape(v, [1, -1, ...Array<number>(rank - 2).fill(1)]);

/** The 1 x 1 convolution that maps r channels to the output, with the base's groups. */
const pointwise = (x: Tensor, B: Tensor, groups: number): Tensor => {
  const ones = Array<number>(x.rank - 2).fill(1);
  return convNd(x, tf.reshape(B, [B.shape[0] as number, -1, ...ones]), {
    stride: ones,
    padding: ones.map(() => 0),
    dilation: ones,
    groups,
  });
};

/** conv(x, W) as a use of W [out, in / groups, ...kernel]. */
const convolutionUse = (x: Tensor, g: ConvGeometry): Use => ({
  dense: (W) => convNd(x, W, g),
  addLowRank: (y, B, A) =>
    tf.add(y, pointwise(convNd(x, tf.reshape(A, [A.shape[0] as number, -1, ...g.kernel]), g), B, 1)),
  outputAxis: 0,
  scaleOutput: (y, r) => tf.mul(y, overChannels(r, y.rank)),
  branch: (y, update, W) => {
    if (update.kind === 'GroupedConv') return groupedBranch(x, g, y, update, W);
    if (update.kind === 'Patches') return convNd(turnPatches(x, update.R, g.kernel), W, g);
    throw new TypeError(`a convolution has no branch for ${update.kind}`);
  },
});

/**
 * y + s conv_B(conv_A(x)), and with DoRA g (y + s conv_B(conv_A(x))), g = m / ||W + s D||.
 *
 * No dense D exists when B is grouped and A is not; PEFT takes B [out, r / groups] as [-1, r] there and folds the product
 * into W's shape, and since checkpoints are trained with that norm it is reproduced.
 */
const groupedBranch = (x: Tensor, g: ConvGeometry, y: Tensor, u: GroupedConv, W: Tensor): Tensor => {
  const changed = tf.add(y, tf.mul(pointwise(convNd(x, u.A, { ...g, groups: 1 }), u.B, g.groups), u.s));
  if (u.m === undefined) return changed;
  const r = u.A.shape[0] as number;
  const folded = lowRank(tf.reshape(u.B, [-1, r]), tf.reshape(u.A, [r, -1]), u.s);
  const V = withLowRank(folded, W);
  return tf.mul(changed, overChannels(magnitudeRatio(normalize(folded, u.m, 0), V), y.rank));
};

/**
 * y = conv(x, W) + b.
 *
 * @param p weights; `module.weight` is [out, in / groups, ...kernel]
 * @param module the convolution's spec, whose `conv` holds the geometry
 * @param x [N, in, ...spatial]
 * @returns [N, out, ...spatial']
 */
export const convolution = (p: ModelWeights, module: ModuleSpec, x: Tensor): Tensor => {
  if (module.conv === undefined) throw new TypeError(`${module.name}: a convolution's spec has a geometry`);
  const key = paramKey(module.name, 'weight');
  const y = forwardUpdate(updateOf(p, key), baseParameter(p, key), convolutionUse(x, module.conv));
  const b = optionalParameter(p, paramKey(module.name, 'bias'));
  return b === undefined ? y : tf.add(y, overChannels(b, y.rank));
};
