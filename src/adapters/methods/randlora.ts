/**
 * RandLoRA: W' = W + s sum_b B_b diag(l_b) A diag(g_b), a sum of n random low-rank products of rank r that together have full rank;
 * A and the B_b are shared by all layers, l [r, n] and g [n, min(out, in)] are trained, s = alpha / r. Where in > out it is the
 * transposed form.
 *
 * PEFT flattens (rank, basis) pairs of both factors in two different orders, so that basis b meets l and g of another pair; that is
 * what its checkpoints mean.
 *
 * Albert et al., "RandLoRA: Full-rank parameter-efficient fine-tuning of large models", https://arxiv.org/abs/2502.00987
 */
import * as t from 'io-ts';
import { normal } from '../../ops/random.js';
import { sizeOf, type Shape, type Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import {
  torchGenerator,
  torchKaimingUniform,
  torchRand,
  type TorchFloat,
  type TorchGenerator,
} from '../../ops/torch-random/index.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import type { Method } from '../method.js';
import { projectionFields, projectionMethod, type ProjectionDetail } from '../projection-method.js';
import { remembered } from '../remembered.js';
import { throughStorage, type Draw } from '../shared-projections.js';
import { positiveInt, probability } from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { lowRank, type WeightUpdate } from '../update.js';

const fields = {
  ...projectionFields,
  r: field(positiveInt, 32),
  randlora_alpha: field(t.number, 640),
  randlora_dropout: floatField(probability, 0),
  sparse: field(t.boolean, false),
  very_sparse: field(t.boolean, false),
} as const satisfies Fields;

type RandloraConfig = BaseConfig & Values<typeof fields>;

/** A draw, and one in how many entries of a sparse basis is not zero; 0 for dense ones. */
interface BasesDraw extends Draw {
  readonly sparsity: number;
}

const smaller = ({ out, in: inputs }: Pick<Draw, 'out' | 'in'>): number => Math.min(out, inputs);
const larger = ({ out, in: inputs }: Pick<Draw, 'out' | 'in'>): number => Math.max(out, inputs);

const shapes = (draw: Draw): Readonly<Record<'A' | 'B', Shape>> => ({
  A: [draw.r, 1, smaller(draw)],
  B: [larger(draw), Math.ceil(smaller(draw) / draw.r), draw.r],
});

/** Values divided by their standard deviation, in a storage type. */
const standardised = (values: Float32Array, dtype: TorchFloat): Float32Array => {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const std = throughStorage(Float32Array.of(Math.sqrt(variance)), dtype)[0] as number;
  return throughStorage(
    values.map((x) => x / std),
    dtype,
  );
};

/** Drawn in bfloat16 whatever the base's type; B one basis after the other. */
const denseBases = (g: TorchGenerator, { A, B }: ReturnType<typeof shapes>): readonly [Float32Array, Float32Array] => {
  const kaiming = { a: Math.sqrt(5), dtype: 'BF16' } as const;
  const [rows, n, r] = B as readonly [number, number, number];
  const a = torchKaimingUniform(g, A, kaiming);
  const b = new Float32Array(sizeOf(B));
  for (let basis = 0; basis < n; basis++) {
    const values = torchKaimingUniform(g, [rows, 1, r], kaiming);
    for (let row = 0; row < rows; row++) b.set(values.subarray(row * r, (row + 1) * r), (row * n + basis) * r);
  }
  return [standardised(a, 'BF16'), standardised(b, 'BF16')];
};

/** -1 and 1 with probability 1 / (2 q) each, zero otherwise. */
const signs = (uniform: Float32Array, q: number): Float32Array => {
  const [low, high] = [Math.fround(1 / (2 * q)), Math.fround(1 - 1 / (2 * q))];
  return uniform.map((u) => (u < low ? -1 : u > high ? 1 : 0));
};

const bases = remembered((draw: BasesDraw): Readonly<Record<'A' | 'B', Float32Array>> => {
  const generator = torchGenerator(draw.seed);
  const { A, B } = shapes(draw);
  const [a, b] =
    draw.sparsity === 0
      ? denseBases(generator, { A, B })
      : ([A, B].map((shape) => standardised(signs(torchRand(generator, sizeOf(shape)), draw.sparsity), 'F32')) as [
          Float32Array,
          Float32Array,
        ]);
  return { A: throughStorage(a, draw.dtype), B: throughStorage(b, draw.dtype) };
});

const update = (
  c: RandloraConfig,
  detail: ProjectionDetail<BasesDraw>,
  tensors: Readonly<Record<string, Tensor>>,
  matrices: Readonly<Record<'A' | 'B', Tensor>>,
): WeightUpdate => {
  const [short, long] = [smaller(detail), larger(detail)];
  const lambda = tensors['lambda'] as Tensor;
  const gamma = tensors['gamma'] as Tensor;
  const [r, n] = lambda.shape as [number, number];
  const A = tf.slice(matrices.A, [0, 0, 0], [r, 1, short]);
  const B = tf.slice(matrices.B, [0, 0, 0], [long, n, r]);
  const scaled = tf.mul(tf.mul(tf.reshape(lambda, [r, n, 1]), A), tf.reshape(gamma, [1, n, short]));
  const [left, right] = [tf.reshape(B, [long, n * r]), tf.reshape(scaled, [r * n, short])];
  // left right is [long, short]; the weight is stored that way, or transposed
  const upright = (detail.in === short) !== detail.transposed;
  const s = c.randlora_alpha / c.r;
  return upright ? lowRank(left, right, s) : lowRank(tf.transpose(right), tf.transpose(left), s);
};

/** RandLoRA: l starts at 0 and g at 1 / (its longer side), or l normal and g at 1 / (the weight's longer side). */
export const randlora: Method<RandloraConfig, ProjectionDetail<BasesDraw>> = {
  peftType: 'RANDLORA',
  reference: 'https://arxiv.org/abs/2502.00987',
  fields,
  targets: { ...likeLora, refusesMamba: true },
  ...projectionMethod<RandloraConfig, BasesDraw>({
    shared: { names: { A: 'base_model.randlora_A', B: 'base_model.randlora_B' }, shapes, values: bases },
    drawOf: (c, common) => ({ ...common, sparsity: c.very_sparse ? Math.sqrt(smaller(common)) : c.sparse ? 3 : 0 }),
    trained: (c, sizes) => {
      const n = Math.ceil(smaller(sizes) / c.r);
      return { lambda: ['randlora_lambda', [c.r, n]], gamma: ['randlora_gamma', [n, smaller(sizes)]] };
    },
    copy: (role) => `randlora_${role}`,
    start: (c, detail, role, key, shape) => {
      if (role === 'lambda') return c.init_weights ? tf.zeros([...shape]) : normal(key, shape);
      return tf.fill([...shape], 1 / (c.init_weights ? Math.max(...shape) : larger(detail)));
    },
    update,
  }),
};
