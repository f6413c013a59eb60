/**
 * VeRA's form: W' = W + diag(b) B diag(d) A with frozen random A [r, in] and B [out, r] that all layers share, and vectors b and d
 * that are trained.
 */
import { keyFor, normal, type Key } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { torchGenerator, torchKaimingUniform } from '../ops/torch-random/index.js';
import type { Method, Routing } from './method.js';
import { projectionMethod, type ProjectionConfig, type ProjectionDetail } from './projection-method.js';
import { remembered } from './remembered.js';
import { throughStorage, type Draw, type SharedProjections } from './shared-projections.js';
import { lowRank, sequence, type WeightUpdate } from './update.js';

/** Sizes of the layer, and the draw that all layers share. */
export type ScaledDetail = ProjectionDetail;

type ScaledConfig = ProjectionConfig & { readonly d_initial: number };

/** A, then B, kaiming uniform with torch's default gain. */
const kaimingPair = ({ seed, dtype }: Draw, shapes: ReturnType<SharedProjections['shapes']>) => {
  const generator = torchGenerator(seed);
  const A = throughStorage(torchKaimingUniform(generator, shapes.A), dtype);
  return { A, B: throughStorage(torchKaimingUniform(generator, shapes.B), dtype) };
};

/** diag(d) A for the i-th r rows of A and entries of d; matrices are larger than most layers need, so the first columns are used. */
const innerRows = (i: number, { in: inputs, draw: { r } }: ScaledDetail, d: Tensor, A: Tensor): Tensor =>
  tf.mul(tf.reshape(tf.slice(d, [i * r], [r]), [-1, 1]), tf.slice(A, [i * r, 0], [r, inputs]));

/** W + diag(b) B diag(d) A, and with a key noise on what is between the matrices, whose log variance the second rows make. */
const update = (
  detail: ScaledDetail,
  { b, d }: Readonly<Record<string, Tensor>>,
  { A, B }: Readonly<Record<'A' | 'B', Tensor>>,
  key: Key | undefined,
): WeightUpdate => {
  const { out, transposed, draw } = detail;
  const scaledA = innerRows(0, detail, d as Tensor, A);
  const scaledB = tf.mul(tf.reshape(b as Tensor, [-1, 1]), tf.slice(B, [0, 0], [out, draw.r]));
  const mean = transposed ? lowRank(tf.transpose(scaledA), tf.transpose(scaledB), 1) : lowRank(scaledB, scaledA, 1);
  if (key === undefined) return mean;
  const V = innerRows(1, detail, d as Tensor, A);
  return sequence([mean, { _tag: 'Branch', kind: 'Noise', V, B: scaledB, key, reason: 'this pass samples' }]);
};

/**
 * A method of this form: b starts at 0 and d at d_initial, or b at 1 and d normal.
 *
 * @param prefix of its tensors' names: `<prefix>_lambda_b`, `base_model.<prefix>_A`
 * @param copies how many times r the entries of d and the rows of A are; the first r of them make the weight
 * @param options.warningsOf what else is worth telling of a config
 * @param options.samples whether a pass samples around the mean, by the config; never unless told
 */
export const scaledProjections = <C extends ScaledConfig>(
  prefix: string,
  copies: number,
  {
    warningsOf = () => [],
    samples = () => false,
  }: {
    readonly warningsOf?: (c: C) => ReadonlyArray<string>;
    readonly samples?: (c: C, routing: Routing | undefined) => boolean;
  } = {},
): Pick<Method<C, ScaledDetail>, 'validate' | 'restructure' | 'layout' | 'init' | 'update'> => {
  const shapes = ({ r, out, in: inputs }: Draw): ReturnType<SharedProjections['shapes']> => ({
    A: [copies * r, inputs],
    B: [out, r],
  });
  return projectionMethod<C, Draw>({
    shared: {
      names: { A: `base_model.${prefix}_A`, B: `base_model.${prefix}_B` },
      shapes,
      values: remembered((draw: Draw) => kaimingPair(draw, shapes(draw))),
    },
    drawOf: (_c, common) => common,
    trained: (c, { out }) => ({ b: [`${prefix}_lambda_b`, [out]], d: [`${prefix}_lambda_d`, [copies * c.r]] }),
    start: (c, _detail, role, key, shape) => {
      if (role === 'b') return c.init_weights ? tf.zeros([...shape]) : tf.ones([...shape]);
      return c.init_weights ? tf.fill([...shape], c.d_initial) : normal(key, shape);
    },
    warningsOf,
    update: (c, detail, tensors, matrices, { site, routing }) => {
      const key = samples(c, routing) ? routing?.key : undefined;
      return update(detail, tensors, matrices, key === undefined ? undefined : keyFor(key, site));
    },
  });
};
