/**
 * Weight updates: the closed set of things that an adapter does to one tensor.
 *
 * A method compiles to updates; the interpreters (dense application, inverse, rows, forward, scaling, printing) are
 * written once for each update. Shapes are those of the tensor in storage layout, seen as a matrix:
 * W [m, ...rest] is [m, n] with n = product of rest; where factors carry a leading expert axis, W is [E, m, n].
 */
import type { Tensor } from '../ops/tensor.js';
import type { Prompt, TensorBranch } from './branch.js';
import type { Compressed } from './updates/compressed.js';
import type { Tap } from './updates/tap.js';
import type { Residual } from './updates/residual.js';
import type { Shadow, ShadowBlock } from './updates/shadow.js';

export type * from './branch.js';
export { promptKey } from './branch.js';

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

/** W' = W + s (B1 A1) * (B2 A2), elementwise product of two low-rank matrices: B [m, r], A [r, n]. */
export interface Hadamard {
  readonly _tag: 'Hadamard';
  readonly B1: Tensor;
  readonly A1: Tensor;
  readonly B2: Tensor;
  readonly A2: Tensor;
  readonly s: number;
}

/** W' = W + s C (x) D, the Kronecker product of C [a, b] and D [c, d], with m = a c and n = b d. */
export interface Kronecker {
  readonly _tag: 'Kronecker';
  readonly C: Tensor;
  readonly D: Tensor;
  readonly s: number;
}

/** W'[p] = W[p] + s values[i] at places[i] = p; the entries of W are numbered row by row, values has one a place, places are distinct. */
export interface Sparse {
  readonly _tag: 'Sparse';
  readonly places: Int32Array;
  readonly values: Tensor;
  readonly s: number;
}

/** W' = W * (1 + s B A), elementwise: a change in proportion to the weight; B [m, r], A [r, n]. */
export interface Modulate {
  readonly _tag: 'Modulate';
  readonly B: Tensor;
  readonly A: Tensor;
  readonly s: number;
}

/** W' = diag(l) W (axis 0, l [m]) or W diag(l) (axis 1, l [n]). */
export interface Scale {
  readonly _tag: 'Scale';
  readonly l: Tensor;
  readonly axis: 0 | 1;
}

/**
 * W' = R W (axis 0) or W R (axis 1), with R = blockdiag(R[0], R[1], ...); R is [k, b, b].
 *
 * With an order the blocks act on features that lie apart: entry j of the blocks is feature order[j].
 */
export interface Rotate {
  readonly _tag: 'Rotate';
  readonly R: Tensor;
  readonly axis: 0 | 1;
  /** A permutation of the k b features. */
  readonly order?: Int32Array;
}

/**
 * W' = W H_1 H_2 ... H_r with H_i = I - 2 u_i u_i^T, unit vectors u_i in the columns of U [n, r].
 *
 * With orthonormal columns the reflections commute, and H = I - 2 U U^T.
 */
export interface Reflect {
  readonly _tag: 'Reflect';
  readonly U: Tensor;
  readonly orthonormal: boolean;
}

/**
 * W' = W - U (V^T W - R) (axis 0, U and V [m, r], R [r, n]) or W - (W V - R) U^T (axis 1, U and V [n, r], R [m, r]): r directions
 * taken out of one side of the weight, and R put in their place; nothing without it. Without R it is an orthogonal projection
 * where U = V has orthonormal columns.
 */
export interface Deflate {
  readonly _tag: 'Deflate';
  readonly U: Tensor;
  readonly V: Tensor;
  readonly R?: Tensor;
  readonly axis: 0 | 1;
}

/**
 * W' = W_k + U diag(S) V, where W_k is the best approximation of W of rank k: the rest of the spectrum is replaced.
 *
 * U [m, p], S [p], V [p, n]. Gradients of U and V are projected off the kept singular subspaces, as OSF trains them.
 */
export interface Split {
  readonly _tag: 'Split';
  readonly k: number;
  readonly U: Tensor;
  readonly S: Tensor;
  readonly V: Tensor;
}

/**
 * W'[i, j] = W[i, j] (I + B[i]) + B[i] for the blocks of W, [b, b] each, with B [m / b, b, b]: one affine map for each row of blocks.
 */
export interface BlockAffine {
  readonly _tag: 'BlockAffine';
  readonly B: Tensor;
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

/**
 * y' = y + mask * (u(y) - y): an update on some positions only; mask [batch, T] of zeros and ones. A layer that computes the last n
 * tokens of each sequence, or one more, goes by the last n columns; tokens before all columns are left alone.
 */
export interface Masked {
  readonly kind: 'Masked';
  readonly update: WeightUpdate;
  readonly mask: Tensor;
}

/** A change of the forward pass that no dense weight can hold; `reason` says why. */
export type Branch = { readonly _tag: 'Branch'; readonly reason: string } & (
  TensorBranch | Masked | Compressed | Tap | Shadow | ShadowBlock
);

/** What an adapter does to one tensor. */
export type WeightUpdate =
  | LowRank
  | Dense
  | Hadamard
  | Kronecker
  | Sparse
  | Modulate
  | Scale
  | Rotate
  | Reflect
  | Deflate
  | Residual
  | Split
  | BlockAffine
  | Normalize
  | Replace
  | ReplaceRows
  | Sum
  | Sequence
  | Prompt
  | Branch;

/** W + s B A. */
export const lowRank = (B: Tensor, A: Tensor, s: number): LowRank => ({ _tag: 'LowRank', B, A, s });
/** W + s D; s is 1 unless told. */
export const dense = (delta: Tensor, s = 1): Dense => ({ _tag: 'Dense', delta, s });
/** diag(l) W or W diag(l). */
export const scale = (l: Tensor, axis: 0 | 1): Scale => ({ _tag: 'Scale', l, axis });
/** R W or W R with block-diagonal R. */
export const rotate = (R: Tensor, axis: 0 | 1, order?: Int32Array): Rotate => ({
  _tag: 'Rotate',
  R,
  axis,
  ...(order === undefined ? {} : { order }),
});
/** (m / ||V||) V with V = update(W). */
export const normalize = (update: WeightUpdate, m: Tensor, axis: 0 | 1): Normalize => ({
  _tag: 'Normalize',
  update,
  m,
  axis,
});
/** The value in place of W. */
export const replace = (value: Tensor): Replace => ({ _tag: 'Replace', value });
/** New rows in place of some of W's. */
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
