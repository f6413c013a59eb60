/**
 * Gradients of reductions over axes, of softmax and of cumulative sums.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type Shape, type Tensor } from '../tensor.js';
import { adjoint, broadcastBy, shaped, unary, type Rule } from './rule.js';

interface Axes {
  readonly axis: number | ReadonlyArray<number>;
}

/** Max, unlike the others, names its axes so. */
interface ReductionIndices {
  readonly reductionIndices: number | ReadonlyArray<number>;
}

const axesOf = (axis: number | ReadonlyArray<number>, shape: Shape): ReadonlyArray<number> =>
  tf.util.parseAxisParam(axis as number | number[], [...shape]);

/** `shape` with ones for the reduced axes. */
const kept = (shape: Shape, axes: ReadonlyArray<number>): number[] => shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** Cotangent of a sum over axes, spread over a shape. */
const spread = (dy: Tensor, shape: Shape, axes: ReadonlyArray<number>): Tensor =>
  broadcastBy(tf.reshape(dy, kept(shape, axes)), shape);

/** Cotangent of the largest or smallest element; equal ones share it. */
const toExtremes = (dy: Tensor, x: Tensor, axes: ReadonlyArray<number>, extreme: Tensor): Tensor => {
  // A full shape, because comparisons that broadcast take 150 ns an element on wasm.
  const mask = tf.cast(tf.equal(x, broadcastBy(extreme, x.shape)), 'float32');
  return tf.mul(mask, tf.div(tf.reshape(dy, kept(x.shape, axes)), tf.sum(mask, [...axes], true)));
};

/** dx[i] = dy times the product of all other elements: right where elements are zero. */
const othersProduct = (dy: Tensor, x: Tensor, axes: ReadonlyArray<number>): Tensor => {
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const perm = [...rest, ...axes];
  const moved = perm.map((i) => x.shape[i] as number);
  const rows = tf.reshape(tf.transpose(x, perm), [
    sizeOf(moved.slice(0, rest.length)),
    sizeOf(moved.slice(rest.length)),
  ]);
  const others = tf.mul(tf.cumprod(rows, 1, true, false), tf.cumprod(rows, 1, true, true));
  const back = perm.map((_, i) => perm.indexOf(i));
  return tf.mul(tf.transpose(tf.reshape(others, moved), back), tf.reshape(dy, kept(x.shape, axes)));
};

interface Cumulative {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/**
 * `dx[j] = p[j] s[j]` with p[j] the product of x before j and `s[j] = dy[j] + x[j + 1] s[j + 1]`: right where elements are zero.
 * Each entry of the axis is a step of its own.
 */
const cumulativeProduct = (dy: Tensor, x: Tensor, { axis, exclusive, reverse }: Cumulative): Tensor => {
  const list = (t: Tensor): Tensor[] => (reverse ? tf.unstack(t, axis).toReversed() : tf.unstack(t, axis));
  const [xs, given] = [list(x), list(dy)];
  const none = tf.zerosLike(given[0] as Tensor);
  const dys = exclusive ? [...given.slice(1), none] : given;
  const before = xs
    .slice(0, -1)
    .reduce<Tensor[]>((ps, t) => [...ps, tf.mul(ps.at(-1) as Tensor, t)], [tf.onesLike(none)]);
  const after = dys.reduceRight<ReadonlyArray<Tensor>>(
    (ss, d, j) => [ss[0] === undefined ? d : tf.add(d, tf.mul(xs[j + 1] as Tensor, ss[0])), ...ss],
    [],
  );
  const dxs = before.map((p, j) => tf.mul(p, after[j] as Tensor));
  return tf.stack(reverse ? dxs.toReversed() : dxs, axis);
};

/** Rules of the reductions. */
export const reduction: ReadonlyArray<Rule> = [
  shaped<Axes>('Sum', (dy, shape, { axis }) => spread(dy, shape, axesOf(axis, shape))),
  shaped<Axes>('Mean', (dy, shape, { axis }) => {
    const axes = axesOf(axis, shape);
    const n = sizeOf(axes.map((i) => shape[i] as number));
    return spread(tf.div(dy, n), shape, axes);
  }),
  unary<ReductionIndices>('Max', (dy, x, { reductionIndices }) => {
    const axes = axesOf(reductionIndices, x.shape);
    return toExtremes(dy, x, axes, tf.max(x, [...axes], true));
  }),
  unary<Axes>('Min', (dy, x, { axis }) => {
    const axes = axesOf(axis, x.shape);
    return toExtremes(dy, x, axes, tf.min(x, [...axes], true));
  }),
  unary<Axes>('Prod', (dy, x, { axis }) => othersProduct(dy, x, axesOf(axis, x.shape))),
  unary<{ readonly dim: number }>(
    'Softmax',
    (dy, logits, { dim }) => {
      const y = tf.softmax(logits, dim);
      return tf.mul(y, tf.sub(dy, tf.sum(tf.mul(dy, y), dim, true)));
    },
    'logits',
  ),
  unary<Cumulative>('Cumprod', cumulativeProduct),
  adjoint<Cumulative>('Cumsum', (dy, attrs) => tf.cumsum(dy, attrs.axis, attrs.exclusive, !attrs.reverse)),
];
