/**
 * Weight updates: the closed set of things that an adapter does to one tensor.
 *
 * A method compiles to updates; the interpreters (dense application, inverse, rows, forward, scaling, printing) are
 * written once for each update. Shapes are those of the tensor in storage layout, seen as a matrix:
 * W [m, ...rest] is [m, n] with n = product of rest; where factors carry a leading expert axis, W is [E, m, n].
 */
import type { Tensor } from '../ops/tensor.js';

/** W' = W + s B A, with B [m, r] and A [r, n], or B [E, m, r] and A [E, r, n] for one product an expert. */
export interface LowRank {
  readonly _tag: 'LowRank';
  readonly B: Tensor;
  readonly A: Tensor;
  readonly s: number;
}

/** W' = W + s D, with D of W's shape. */
export interface Dense {
  readonly _tag: 'Dense';
  readonly delta: Tensor;
  readonly s: number;
}

/**
 * W' = (m / ||V||) V with V = update(W): DoRA's magnitude and direction.
 *
 * The norm runs over every axis but `axis` of the matrix view; m has one entry along `axis` (0: rows, 1: columns).
 * The norm is a constant for gradients, as in the paper (section 4.3).
 */
export interface Normalize {
  readonly _tag: 'Normalize';
  readonly update: WeightUpdate;
  readonly m: Tensor;
  readonly axis: 0 | 1;
}

/** W' = value. */
export interface Replace {
  readonly _tag: 'Replace';
  readonly value: Tensor;
}

/** W'[rows[i], :] = value[i, :], all other rows kept. Rows are distinct. */
export interface ReplaceRows {
  readonly _tag: 'ReplaceRows';
  readonly rows: ReadonlyArray<number>;
  readonly value: Tensor;
}

/** W' = W + sum of the updates' changes; every part is additive. */
export interface Sum {
  readonly _tag: 'Sum';
  readonly updates: ReadonlyArray<WeightUpdate>;
}

/** W' = u_k(... u_2(u_1(W))): left to right. */
export interface Sequence {
  readonly _tag: 'Sequence';
  readonly updates: ReadonlyArray<WeightUpdate>;
}

/** A change of the forward pass that no dense weight can hold; `reason` says why. */
export interface Branch {
  readonly _tag: 'Branch';
  /** y' = y + s conv_B(conv_A(x)): LoRA on a grouped convolution, whose B [out, r / groups] is grouped and A [r, in, ...kernel] is not. */
  readonly kind: 'GroupedConv';
  readonly A: Tensor;
  readonly B: Tensor;
  readonly s: number;
  /** DoRA magnitude [out], absent for plain LoRA. */
  readonly m?: Tensor;
  readonly reason: string;
}

/** What an adapter does to one tensor. */
export type WeightUpdate = LowRank | Dense | Normalize | Replace | ReplaceRows | Sum | Sequence | Branch;

export const lowRank = (B: Tensor, A: Tensor, s: number): LowRank => ({ _tag: 'LowRank', B, A, s });
export const dense = (delta: Tensor, s = 1): Dense => ({ _tag: 'Dense', delta, s });
export const normalize = (update: WeightUpdate, m: Tensor, axis: 0 | 1): Normalize => ({
  _tag: 'Normalize',
  update,
  m,
  axis,
});
export const replace = (value: Tensor): Replace => ({ _tag: 'Replace', value });
export const replaceRows = (rows: ReadonlyArray<number>, value: Tensor): ReplaceRows => ({
  _tag: 'ReplaceRows',
  rows,
  value,
});

/** Sequence of updates, flattened; a single one is itself. */
export const sequence = (updates: ReadonlyArray<WeightUpdate>): WeightUpdate => {
  const flat = updates.flatMap((u) => (u._tag === 'Sequence' ? u.updates : [u]));
  return flat.length === 1 ? (flat[0] as WeightUpdate) : { _tag: 'Sequence', updates: flat };
};
