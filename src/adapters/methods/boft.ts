/**
 * BOFT: W' = diag(s) W M^T with M = M_N ... M_1 a product of butterfly factors, each block diagonal in its own order of the inputs, its
 * blocks the Cayley transforms of (R - R^T) / 2.
 *
 * Liu et al., "Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization", https://arxiv.org/abs/2311.06243
 */
import * as t from 'io-ts';
import { E, F } from '../../fp.js';
import type { ModuleSpec } from '../../models/spec.js';
import { cayley } from '../../ops/linalg/index.js';
import { normal, type Key } from '../../ops/random.js';
import type { Shape, Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import { modelPrefix } from '../auxiliary.js';
import { field, floatField, type BaseConfig, type Fields, type Values } from '../config.js';
import { initParams } from '../init-params.js';
import type { LayoutContext, Method } from '../method.js';
import { eachModule, featuresOf, inputColumns, moduleLayout, restructureSaved, weightPart } from '../module-layout.js';
import type { Part } from '../site.js';
import {
  layerPatternProblems,
  naturalInt,
  positiveInt,
  probability,
  targeting,
  trainedBias,
} from '../targeting-fields.js';
import { likeLora } from '../targets/defaults.js';
import { rotate, scale, sequence, type WeightUpdate } from '../update.js';

const fields = {
  ...targeting,
  ...trainedBias,
  boft_block_num: field(naturalInt, 0),
  boft_block_size: field(naturalInt, 4),
  boft_dropout: floatField(probability, 0),
  boft_n_butterfly_factor: field(positiveInt, 1),
  fan_in_fan_out: field(t.boolean, false),
  init_weights: field(t.boolean, true),
} as const satisfies Fields;

type BoftConfig = BaseConfig & Values<typeof fields>;

const validate = (c: BoftConfig): Result<BoftConfig> =>
  orProblems(
    [
      ...layerPatternProblems(c),
      ...((c.boft_block_size === 0) === (c.boft_block_num === 0)
        ? [
            problem(
              'adapter_config.json: boft_block_size',
              'one of boft_block_size and boft_block_num, the other 0',
              `boft_block_size = ${c.boft_block_size} and boft_block_num = ${c.boft_block_num}`,
              'The blocks make up the inputs, so one follows from the other.',
            ),
          ]
        : []),
    ],
    () => c,
  );

/** What n inputs and N factors ask of the blocks. */
const sizeProblems = (c: BoftConfig, m: ModuleSpec, n: number, N: number): ReadonlyArray<Problem> => {
  const [name, given] =
    c.boft_block_size === 0 ? ['boft_block_num', c.boft_block_num] : ['boft_block_size', c.boft_block_size];
  const at = `adapter_config.json: ${name}`;
  if (n % given !== 0) return [problem(at, `a divisor of the ${n} inputs of ${m.name}`, String(given))];
  const [count, size] = name === 'boft_block_num' ? [given, n / given] : [n / given, given];
  return [
    ...(count % 2 ** (N - 1) === 0
      ? []
      : [problem(at, `blocks of ${m.name} in a multiple of ${2 ** (N - 1)} for ${N} factors`, `${count} blocks`)]),
    ...(N === 1 || size % 2 === 0
      ? []
      : [problem(at, `blocks of ${m.name} of an even size for ${N} factors`, `blocks of size ${size}`)]),
  ];
};

const reason = 'it rotates inputs and scales outputs of the weight instead of adding to it';

/**
 * Parts of a module. PEFT trains a single factor where its CUDA kernels are missing, whatever the config says, so the
 * number of factors is that of the file where there is one.
 */
const parts =
  (c: BoftConfig, { spec, shapeOf }: LayoutContext) =>
  (m: ModuleSpec): Result<ReadonlyArray<Part<null>>> =>
    F.pipe(
      inputColumns(m, ['Linear', 'Conv2d']),
      E.chain((n) => {
        const N = shapeOf?.(`${modelPrefix}${m.name}.boft_R`)?.[0] ?? c.boft_n_butterfly_factor;
        const size = c.boft_block_size === 0 ? n / c.boft_block_num : c.boft_block_size;
        const { out } = featuresOf(m);
        const s: Shape = m.conv === undefined ? [out, 1] : [1, out];
        const tensors = { R: ['boft_R', [N, n / size, size, size]], s: ['boft_s', s] } as const;
        return orProblems(sizeProblems(c, m, n, N), () => [weightPart(spec, m, tensors, null, 'orthogonal', reason)]);
      }),
    );

/**
 * Features in the order of the blocks of factor i: every 2^i blocks share as many features, cut into chunks of half a block, and each
 * block takes one chunk from their first half and one from their second.
 */
const butterflyOrder = (n: number, size: number, i: number): Int32Array => {
  const [span, half] = [size * 2 ** i, size / 2];
  return Int32Array.from({ length: n }, (_, at) => {
    const [start, chunk] = [at - (at % span), Math.floor((at % span) / half)];
    const from = chunk % 2 === 0 ? chunk / 2 : 2 ** i + (chunk - 1) / 2;
    return start + from * half + (at % half);
  });
};

/** W M_1^T ... M_N^T, then the rows times s. */
const update = (R: Tensor, s: Tensor): WeightUpdate => {
  const [N, , size] = R.shape as [number, number, number, number];
  const n = (R.shape[1] as number) * size;
  const factors = tf.unstack(R).map((A, i) => {
    const K = tf.div(tf.sub(A, tf.transpose(A, [0, 2, 1])), 2);
    // the transpose of a Cayley transform is that of -K
    return rotate(cayley(tf.neg(K)), 1, N === 1 ? undefined : butterflyOrder(n, size, i));
  });
  return sequence([...factors, scale(s, 0)]);
};

/** R = 0 and s = 1; N(0, 0.01) and N(1, 0.01) when `init_weights` is false. */
const start = (c: BoftConfig, role: string, key: Key, shape: Shape): Tensor => {
  const mean = role === 's' ? 1 : 0;
  return c.init_weights ? tf.fill([...shape], mean) : normal(key, shape, mean, 0.1);
};

/** BOFT. */
export const boft: Method<BoftConfig, null> = {
  peftType: 'BOFT',
  reference: 'https://arxiv.org/abs/2311.06243',
  fields,
  targets: likeLora,
  validate,
  restructure: restructureSaved,
  layout: (c, context) => moduleLayout(c, context, eachModule(parts(c, context))),
  init: (c, { layout, key, weights }) =>
    initParams(layout, key, weights, (_site, role, k, shape) => E.right(start(c, role, k, shape))),
  update: (_c, _site, { R, s }) => update(R as Tensor, s as Tensor),
};
