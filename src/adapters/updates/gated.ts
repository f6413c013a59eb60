/**
 * The gates of experts as factors of single ranks.
 */
import { tensorOf } from '../../ops/backend.js';
import { matMul } from '../../ops/mat-mul.js';
import type { Tensor } from '../../ops/tensor.js';
import { tf } from '../../ops/tf.js';
import type { Gated } from '../branch.js';

/** h * g; h where there are no gates. */
export const gated = (h: Tensor, g: Tensor | undefined): Tensor => (g === undefined ? h : tf.mul(h, g));

/** The last n of T tokens of x [batch, T, ...]: a head may be asked for these alone. Before the first one all is 0. */
export const lastTokensOf = (x: Tensor, n: number): Tensor => {
  const [batch, T, ...rest] = x.shape as [number, number, ...number[]];
  if (n <= T) return n === T ? x : tf.slice(x, [0, T - n, ...rest.map(() => 0)], [batch, n, ...rest]);
  return tf.concat([tf.zeros([batch, n - T, ...rest]), x], 1);
};

/**
 * A gate for every rank, [n, R] or [1, R]; `undefined` where all are open.
 *
 * @param n rows that the layer computes: the last n / batch tokens of each sequence
 */
export const rankGates = ({ gates, experts }: Gated, n: number): Tensor | undefined => {
  if (gates === undefined) return undefined;
  const [batch, T, E] = gates.shape as [number, number, number];
  const R = experts.length;
  const owners = tensorOf(
    Float32Array.from({ length: E * R }, (_, i) => (experts[i % R] === Math.floor(i / R) ? 1 : 0)),
    [E, R],
  );
  const own = batch * T === 1 ? gates : lastTokensOf(gates, n / batch);
  return matMul(tf.reshape(own, [-1, E]), owners);
};
