/**
 * GLoRA: W' = W + W * A + B and b' = b + b * D + E + W C, with each of A to E a low-rank matrix, a vector, a number or nothing.
 *
 * Chavan et al., "One-for-All: Generalized LoRA for Parameter-Efficient Fine-tuning", https://arxiv.org/abs/2306.07967
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { matMul } from '../../ops/mat-mul.js';
import { kaimingUniform, normal, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Result } from '../../problem.js';
import { field, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method } from '../method.js';
import {
  eachModule,
  featuresOf,
  moduleLayout,
  paramPart,
  restructureSaved,
  unfit,
  type Features,
} from '../module-layout.js';
import type { Part } from '../site.js';
import { literals, positiveInt, targetModules, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { dense, lowRank, scale, sequence, type Modulate, type WeightUpdate } from '../update.js';

const fields = {
  ...targetModules,
  ...trainedBias,
  config_A_B: field(literals('lora', 'vector', 'constant', 'none'), 'lora'),
  config_C: field(literals('lora', 'vector', 'none'), 'lora'),
  config_D_E: field(literals('vector', 'constant', 'none'), 'constant'),
  init_weights: field(t.boolean, true),
  r: field(positiveInt, 8),
} as const satisfies Fields;

type GloraConfig = BaseConfig & Values<typeof fields>;

/** What stands for a matrix. */
type Kind = 'lora' | 'vector' | 'constant' | 'none';

/** Which parameter a site changes, and the features of the layer. */
interface Detail {
  readonly param: 'weight' | 'bias';
  readonly out: number;
  readonly in: number;
}

type Tensors = Readonly<Record<string, readonly [suffix: string, shape: Shape]>>;

/** The tensors of a matrix of a shape; for none PEFT stores zeros. Its roles are `A.Xd`, `A.Xu`, `A.X` or `A.zeros`. */
const tensorsOf = (name: string, kind: Kind, shape: Shape, r: number): Tensors => {
  const tensor = (suffix: string, s: Shape): Tensors => ({ [`${name}.${suffix}`]: [`glora_${name}.${suffix}`, s] });
  const [rows = 0, columns] = shape;
  switch (kind) {
    case 'lora':
      return { ...tensor('Xd', [rows, r]), ...tensor('Xu', [r, columns ?? 1]) };
    case 'vector':
      return tensor('X', columns === undefined ? [rows] : [rows, 1]);
    case 'constant':
      return tensor('X', [1]);
    case 'none':
      return tensor('zeros', shape);
  }
};

const reason = 'it scales the weight and adds to it; a bias changes with the weight';

/** Zeros in place of a matrix are kept for the file and not trained. */
const frozenZeros = (part: Part<Detail>): Part<Detail> => ({
  ...part,
  params: part.params.map((p) => (p.name.endsWith('.zeros') ? { ...p, trainable: false } : p)),
});

const biasTensors = (c: GloraConfig, { out, in: inputs }: Features, there: boolean): Tensors => {
  const [kindC, kindDE] = there ? [c.config_C, c.config_D_E] : (['none', 'none'] as const);
  return {
    ...tensorsOf('C', kindC, [inputs, 1], c.r),
    ...tensorsOf('D', kindDE, [out], c.r),
    ...tensorsOf('E', kindDE, [out], c.r),
  };
};

const parts =
  (c: GloraConfig, spec: ModelSpec) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const features = featuresOf(m);
    const { out, in: inputs } = features;
    const there = m.params['bias'] !== undefined;
    const own = {
      ...tensorsOf('A', c.config_A_B, [out, inputs], c.r),
      ...tensorsOf('B', c.config_A_B, [out, inputs], c.r),
    };
    const rest = biasTensors(c, features, there);
    const part = (param: Detail['param'], tensors: Tensors, changes: boolean): Part<Detail> => {
      const detail = { param, out, in: inputs };
      return frozenZeros(
        changes
          ? paramPart(spec, m, param, tensors, detail, 'dependent', reason)
          : paramPart(spec, m, param, tensors, detail, 'additive'),
      );
    };
    const changed = c.config_A_B !== 'none';
    if (!there) return E.right([part('weight', { ...own, ...rest }, changed)]);
    const bias = part('bias', rest, c.config_C !== 'none' || c.config_D_E !== 'none');
    const reads = c.config_C === 'none' ? {} : { reads: { W: paramKey(m.name, 'weight') } };
    return E.right([part('weight', own, changed), { ...bias, site: { ...bias.site, ...reads } }]);
  };

type Given = Readonly<Record<string, Tensor>>;

/** A matrix [out, in] as a product of two; nothing for none. */
const factors = (name: string, tensors: Given, detail: Detail): readonly [B: Tensor, A: Tensor] | undefined => {
  const [Xd, Xu, X] = ['Xd', 'Xu', 'X'].map((suffix) => tensors[`${name}.${suffix}`]);
  if (Xd !== undefined && Xu !== undefined) return [Xd, Xu];
  return X === undefined ? undefined : [tf.mul(X, tf.ones([detail.out, 1])), tf.ones([1, detail.in])];
};

const weightUpdate = (tensors: Given, detail: Detail): WeightUpdate => {
  const [A, B] = [factors('A', tensors, detail), factors('B', tensors, detail)];
  const modulate: ReadonlyArray<Modulate> = A === undefined ? [] : [{ _tag: 'Modulate', B: A[0], A: A[1], s: 1 }];
  return sequence([...modulate, ...(B === undefined ? [] : [lowRank(B[0], B[1], 1)])]);
};

/** W C as a vector [out]; C is [in, 1]. */
const imageOfC = ({ W, 'C.Xd': Xd, 'C.Xu': Xu, 'C.X': X }: Given): Tensor | undefined => {
  const C = Xd !== undefined && Xu !== undefined ? matMul(Xd, Xu) : X;
  return C === undefined ? undefined : tf.reshape(matMul(W as Tensor, C), [-1]);
};

const biasUpdate = (tensors: Given, { out }: Detail): WeightUpdate => {
  const { 'D.X': D, 'E.X': offset } = tensors;
  const added = [imageOfC(tensors), offset === undefined ? undefined : tf.mul(offset, tf.ones([out]))];
  return sequence([
    ...(D === undefined ? [] : [scale(tf.mul(tf.add(D, 1), tf.ones([out])), 0)]),
    ...added.flatMap((v) => (v === undefined ? [] : [dense(v)])),
  ]);
};

/** Xu and, when `init_weights` is false, Xd and vectors kaiming uniform and numbers N(0, 0.02^2); zeros otherwise. */
const start = (c: GloraConfig, role: string, key: Key, shape: Shape): Tensor => {
  if (role.endsWith('.Xu')) return kaimingUniform(key, shape);
  if (c.init_weights || role.endsWith('.zeros')) return tf.zeros([...shape]);
  if (shape.length > 1) return kaimingUniform(key, shape);
  const constant = c.config_D_E === 'constant' || !/^[DE]/.test(role);
  return constant ? normal(key, shape, 0, 0.02) : tf.reshape(kaimingUniform(key, [1, ...shape]), [...shape]);
};

/** GLoRA. */
export const glora: Method<GloraConfig, Detail> = {
  peftType: 'GLORA',
  reference: 'https://arxiv.org/abs/2306.07967',
  fields,
  targets: likeLora,
  validate: E.right,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  update: (_c, { detail }, tensors) =>
    detail.param === 'weight' ? weightUpdate(tensors, detail) : biasUpdate(tensors, detail),
};
