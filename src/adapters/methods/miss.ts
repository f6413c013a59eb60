/**
 * MiSS: a small matrix M shared by all shards of a weight, W'[o, i] = W[o, i] + M[i mod r, o].
 *
 * "mini" also repeats M along the outputs. "bat" is an affine map of each r x r block, W'[m, n] = W[m, n] (I + B[m]) + B[m].
 * PEFT called the method Bone before, with the same tensors under another name.
 *
 * Kang and Yin, "MiSS: Balancing LoRA Performance and Efficiency with Simple Shard Sharing", https://arxiv.org/abs/2409.15371
 */
import * as t from 'io-ts';
import { E } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { kaimingUniform, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { Method, Reading } from '../method.js';
import { eachModule, featuresOf, moduleLayout, restructureSaved, unfit, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import { literals, positiveInt, probability, regexLayerProblems, targeting, trainedBias } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const boneFields = {
  ...targeting,
  ...trainedBias,
  init_weights: field(t.union([t.boolean, literals('bat')], 'true, false or "bat"'), true),
  r: field(positiveInt, 64),
} as const satisfies Fields;

const fields = {
  ...boneFields,
  init_weights: field(t.union([t.boolean, literals('bat', 'mini')], 'true, false, "bat" or "mini"'), true),
  mini_r: field(positiveInt, 1),
  miss_dropout: floatField(probability, 0),
} as const satisfies Fields;

type MissConfig = BaseConfig & Values<typeof fields>;

/** Features of the layer. */
interface Detail {
  readonly in: number;
  readonly out: number;
}

const reason = 'it maps each block of the weight by a matrix of its own instead of adding to it';

const shapeOf = (c: MissConfig, out: number): Shape => {
  if (c.init_weights === 'bat') return [out / c.r, c.r, c.r];
  return c.init_weights === 'mini' ? [c.r, c.mini_r] : [c.r, out];
};

const problems = (c: MissConfig, m: ModuleSpec, { in: inputs, out }: Detail): ReadonlyArray<Problem> => {
  const [name, sizes] = c.init_weights === 'bat' ? ['r', [inputs, out]] : ['mini_r', [out]];
  const divisor = name === 'r' ? c.r : c.mini_r;
  return typeof c.init_weights === 'boolean'
    ? []
    : sizes
        .filter((size) => size % divisor !== 0)
        .map((size) =>
          problem(
            `adapter_config.json: ${name}`,
            `a divisor of the ${size} features of ${m.name} for "${c.init_weights}"`,
            String(divisor),
          ),
        );
};

const parts =
  (c: MissConfig, spec: ModelSpec, tensor: string) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<Detail>>> => {
    if (m.kind !== 'Linear') return unfit(m, 'a Linear');
    const { out, in: inputs } = featuresOf(m);
    const detail = { in: inputs, out };
    return orProblems(problems(c, m, detail), () => {
      const tensors = { M: [tensor, shapeOf(c, out)] } as const;
      return c.init_weights === 'bat'
        ? [weightPart(spec, m, tensors, detail, 'dependent', reason)]
        : [weightPart(spec, m, tensors, detail, 'additive')];
    });
  };

/** The matrix [r, n] that adds up the inputs of equal index mod r. */
const shards = (r: number, n: number): Tensor =>
  tf.tensor2d(
    Float32Array.from({ length: r * n }, (_, at) => ((at % n) % r === Math.floor(at / n) ? 1 : 0)),
    [r, n],
  );

/**
 * The update, which repeats M along the inputs: the Kronecker product of a row of ones and M^T where it is merged, and beside the
 * weight, or where the inputs leave a rest, a product of M^T and a matrix of ones and zeros.
 */
const update = (c: MissConfig, { in: inputs, out }: Detail, M: Tensor, reading?: Reading): WeightUpdate => {
  if (c.init_weights === 'bat') return { _tag: 'BlockAffine', B: M };
  const full = c.init_weights === 'mini' ? tf.tile(M, [1, out / c.mini_r]) : M;
  if (reading === 'attached' || inputs % c.r !== 0) return lowRank(tf.transpose(full), shards(c.r, inputs), 1);
  return { _tag: 'Kronecker', C: tf.ones([1, inputs / c.r]), D: tf.transpose(full), s: 1 };
};

/** Zeros, or kaiming uniform when `init_weights` is false. */
const start = (c: MissConfig, key: Key, shape: Shape): Tensor =>
  c.init_weights === false ? kaimingUniform(key, shape) : tf.zeros([...shape]);

/** The method, given the name of its tensor. */
const sharing = (tensor: string): Omit<Method<MissConfig, Detail>, 'peftType' | 'fields'> => ({
  reference: 'https://arxiv.org/abs/2409.15371',
  validate: (c) => orProblems(regexLayerProblems(c), () => c),
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context.spec, tensor))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, _role, k, shape) => E.right(start(c, k, shape))),
  update: (c, { detail }, { M }, { reading }) => update(c, detail, M as Tensor, reading),
});

/** MiSS. */
export const miss: Method<MissConfig, Detail> = {
  ...sharing('miss_block'),
  peftType: 'MISS',
  fields,
  targets: likeLora,
};

/** Bone, the name of MiSS up to PEFT 0.18: other names in the file, the same mathematics. */
export const bone: Method<MissConfig, Detail> = { ...sharing('bone_block'), peftType: 'BONE', fields: boneFields };
