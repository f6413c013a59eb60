/**
 * PEANuT: W' = W + s B h(W)^T, where a small network h makes the change from the weight itself: h_0 = f(W^T A^T), then
 * `depth` encoders and decoders r by r with residuals across.
 *
 * Zhong et al., "PEANuT: Parameter-Efficient Adaptation with Weight-aware Neural Tweakers", https://arxiv.org/abs/2410.01870
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { activation, type Activation } from '../../ops/activation.js';
import { matMul } from '../../ops/mat-mul.js';
import { kaimingUniform } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
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
import type { Part } from '../site.js';
import { layerPatternProblems, naturalInt, positiveInt, targeting } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  act_fn: field(t.string, 'relu'),
  depth: field(naturalInt, 0),
  init_weights: field(t.boolean, true),
  r: field(positiveInt, 32),
  scaling: floatField(t.number, 1),
} as const satisfies Fields;

type PeanutConfig = BaseConfig & Values<typeof fields>;

const reason = 'it is made from the weight by a network';

const activationOf = (c: PeanutConfig): Result<Activation> => activation(c.act_fn, 'adapter_config.json: act_fn');

const parts =
  (c: PeanutConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out } = featuresOf(m);
    const square = (role: string, name: string): ReadonlyArray<readonly [string, readonly [string, Shape]]> =>
      Array.from({ length: c.depth }, (_, i) => [`${role}${i}`, [`${name}.${i}.weight`, [c.r, c.r]]]);
    const tensors = {
      A: ['peanut_A.weight', [c.r, out]],
      B: ['peanut_B.weight', [out, c.r]],
      ...Object.fromEntries([...square('E', 'peanut_encoders'), ...square('D', 'peanut_decoders')]),
    } as const;
    return E.right([readingWeight(weightPart(spec, m, tensors, null, 'dependent', reason))]);
  };

/** h(W), [in, r]: each row of W^T goes through the network. */
const network = (c: PeanutConfig, f: Activation, { W, A, ...tensors }: Readonly<Record<string, Tensor>>): Tensor => {
  const layer = (h: Tensor, weight: string): Tensor => f(matMul(h, tensors[weight] as Tensor, false, true));
  const depths = Array.from({ length: c.depth }, (_, i) => i);
  const first = f(matMul(W as Tensor, A as Tensor, true, true));
  const encoded = depths.reduce<ReadonlyArray<Tensor>>((hs, i) => [...hs, layer(hs[i] as Tensor, `E${i}`)], [first]);
  return depths.reduce<Tensor>(
    (h, i) => tf.add(layer(h, `D${i}`), encoded[c.depth - 1 - i] as Tensor),
    encoded[c.depth] as Tensor,
  );
};

const update = (c: PeanutConfig, tensors: Readonly<Record<string, Tensor>>): WeightUpdate => {
  const f = activationOf(c);
  if (E.isLeft(f)) throw new TypeError(`act_fn: ${c.act_fn} was checked before`);
  return lowRank(tensors['B'] as Tensor, tf.transpose(network(c, f.right, tensors)), c.scaling);
};

/** PEANuT. */
export const peanut: Method<PeanutConfig, null> = {
  peftType: 'PEANUT',
  reference: 'https://arxiv.org/abs/2410.01870',
  fields,
  targets: likeLora,
  validate: (c) =>
    F.pipe(
      orProblems(layerPatternProblems(c), () => c),
      E.chainFirst(() => activationOf(c)),
    ),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) =>
      E.right(role === 'B' && c.init_weights ? tf.zeros([...shape]) : kaimingUniform(k, shape)),
    ),
  update: (c, _site, tensors) => update(c, tensors),
};
