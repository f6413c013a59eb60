/**
 * VeRA's form: W' = W + diag(b) B diag(d) A with frozen random A [r, in] and B [out, r] that all layers share, and vectors b and d
 * that are trained.
 */
import { normal } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { torchGenerator, torchKaimingUniform } from '../ops/torch-random/index.js';
import type { Method } from './method.js';
import { projectionMethod, type ProjectionConfig, type ProjectionDetail } from './projection-method.js';
import { remembered } from './remembered.js';
import { throughStorage, type Draw, type SharedProjections } from './shared-projections.js';
import { lowRank, type WeightUpdate } from './update.js';

/** Sizes of the layer, and the draw that all layers share. */
export type ScaledDetail = ProjectionDetail;

type ScaledConfig = ProjectionConfig & { readonly d_initial: number };

/** A, then B, kaiming uniform with torch's default gain. */
const kaimingPair = ({ seed, dtype }: Draw, shapes: ReturnType<SharedProjections['shapes']>) => {
  const generator = torchGenerator(seed);
  const A = throughStorage(torchKaimingUniform(generator, shapes.A), dtype);
  return { A, B: throughStorage(torchKaimingUniform(generator, shapes.B), dtype) };
};

/** Matrices are larger than most layers need, and may have more rows than vectors count: the first ones are used. */
const update = (
  { out, in: inputs, transposed, draw }: ScaledDetail,
  { b, d }: Readonly<Record<string, Tensor>>,
  { A, B }: Readonly<Record<'A' | 'B', Tensor>>,
): WeightUpdate => {
  const ownA = tf.slice(A, [0, 0], [draw.r, inputs]);
  const ownB = tf.slice(B, [0, 0], [out, draw.r]);
  const scaledA = tf.mul(tf.reshape(tf.slice(d as Tensor, [0], [draw.r]), [-1, 1]), ownA);
  const scaledB = tf.mul(tf.reshape(b as Tensor, [-1, 1]), ownB);
  return transposed ? lowRank(tf.transpose(scaledA), tf.transpose(scaledB), 1) : lowRank(scaledB, scaledA, 1);
};

/**
 * A method of this form: b starts at 0 and d at d_initial, or b at 1 and d normal.
 *
 * @param prefix of its tensors' names: `<prefix>_lambda_b`, `base_model.<prefix>_A`
 * @param copies how many times r the entries of d and the rows of A are; the first r of them make the weight
 * @param warningsOf what else is worth telling of a config
 */
export const scaledProjections = <C extends ScaledConfig>(
  prefix: string,
  copies: number,
  warningsOf: (c: C) => ReadonlyArray<string> = () => [],
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
    update: (_c, detail, tensors, matrices) => update(detail, tensors, matrices),
    warningsOf,
  });
};
