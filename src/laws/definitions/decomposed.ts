/**
 * Methods that read the weight that they change: DEFT, FRoD, OSF, AdaMSS, PEANuT and PSOFT.
 *
 * Singular triplets come from src/ops/linalg on the host in float64; what is made of them here is written apart.
 */
import { svd, type Svd } from '../../ops/linalg/index.js';
import { svdLowrankTestMatrix, torchGenerator } from '../../ops/torch-random/index.js';
import { unchecked } from '../law.js';
import { activations } from './activations.js';
import type { Exact } from './definition.js';
import { added, byLayer, named, the, theMatrix, upright, weights, type Layer } from './layer.js';
import {
  at,
  entries,
  exactly,
  hadamard,
  identity,
  lengthOf,
  mapped,
  matrixOf,
  plus,
  product,
  scaled,
  slice,
  turn,
  type Sized,
} from './matrix.js';
import { cayley, neumann, skew } from './rotations.js';
import { orthonormalColumns, plainInverse } from './solve.js';

/** W + Q (s R - P^T W) with Q = P and P = relu(P), or both the orthonormal columns of P; without R for PaRa. */
export const deftDefinition = weights((l) => {
  const p = l.tensor('deft_P');
  if (p === undefined) return undefined;
  const { alpha, decomposition_method, para } = l.config;
  const [W, P] = [upright(l), matrixOf(p)];
  const Q = decomposition_method === 'qr' ? orthonormalColumns(P) : P;
  const removed = product(turn(decomposition_method === 'qr' ? Q : mapped(P, (x) => Math.max(0, x), 1)), W);
  const R = para ? undefined : theMatrix(l, 'deft_R');
  const s = alpha === null || alpha === 0 ? 1 : alpha / P.columns;
  const inside = R === undefined ? scaled(-1, removed) : plus(scaled(s, R), scaled(-1, removed));
  return plus(W, product(Q, inside));
});

/** A decomposition as numbers that are exact but for one rounding. */
const sizedSvd = (W: Sized): { readonly U: Sized; readonly S: Float64Array; readonly Vt: Sized } => {
  const { U, S, Vt }: Svd = svd({ rows: W.rows, cols: W.columns, data: W.values });
  const rounded = (X: Svd['U']): Sized => ({
    ...exactly(X.rows, X.cols, (i, j) => X.data[i * X.cols + j] as number),
    roundings: 1,
  });
  return { U: rounded(U), S, Vt: rounded(Vt) };
};

/** The product of the singular triplets from `first` on, `count` of them, each times `factor`. */
export const triplets = (W: Sized, first: number, count: number, factor = 1): Sized => {
  const { U, S, Vt } = sizedSvd(W);
  const D = exactly(count, 1, (i) => factor * (S[first + i] as number));
  return product(
    slice(U, [0, W.rows], [first, count]),
    hadamard({ ...D, roundings: 1 }, slice(Vt, [first, count], [0, W.columns])),
  );
};

/** U_k diag(S_k) V_k of W, and U diag(S) V of the file. */
export const osfDefinition = weights((l) => {
  const u = l.tensor('osf_svd_params.U_low');
  if (u === undefined) return undefined;
  const W = upright(l);
  const [S, V] = [the(l, 'osf_svd_params.S_low'), the(l, 'osf_svd_params.V_low')];
  const kept = Math.min(W.rows, W.columns) - S.values.length;
  const high = triplets(W, 0, kept);
  if (S.values.length === 0) return high;
  return plus(high, product(matrixOf(u), hadamard(matrixOf(S), matrixOf(V))));
});

/** Blocks B_k A_k of the outputs of cluster k, all of them times V; a bias is one more column of the weight. One cluster holds all outputs. */
export const adamssDefinition = byLayer((l) => {
  const basis = l.tensor('adamss_newB');
  if (basis === undefined || (l.param !== 'weight' && l.param !== 'bias')) return undefined;
  const V = matrixOf(basis);
  if (l.tensor('adamss_A.1') !== undefined) throw new RangeError('this definition knows one cluster');
  const D = product(product(theMatrix(l, 'adamss_B.0'), theMatrix(l, 'adamss_A.0')), V);
  const inputs = l.module.params['weight']?.[1] as number;
  return plus(l.V, slice(D, [0, D.rows], l.param === 'weight' ? [0, inputs] : [inputs, 1]));
});

/** s B h(W)^T with h_0 = f(W^T A^T), encoders f(h E^T), and decoders f(h D^T) with the encoders' inputs added in turn. */
export const peanutDefinition = added((l) => {
  const a = l.tensor('peanut_A.weight');
  if (a === undefined) return undefined;
  const { depth, act_fn, scaling } = l.config;
  const f = (X: Sized): Sized => mapped(X, activations[act_fn as string] as (x: number) => number, 1.13);
  let h = f(product(turn(matrixOf(l.W)), turn(matrixOf(a))));
  const stack: Sized[] = [];
  for (let i = 0; i < depth; i++) {
    stack.push(h);
    h = f(product(h, turn(theMatrix(l, `peanut_encoders.${i}.weight`))));
  }
  for (let i = 0; i < depth; i++)
    h = plus(f(product(h, turn(theMatrix(l, `peanut_decoders.${i}.weight`)))), stack[depth - 1 - i] as Sized);
  return scaled(scaling, product(theMatrix(l, 'peanut_B.weight'), turn(h)));
});

/** The part that a module plays: its last name, with the one above it unless that is a number. */
const category = (name: string): string => {
  const [last = '', above] = name.split('.').toReversed();
  return above === undefined || /^\d+$/.test(above) ? last : `${above}_${last}`;
};

/** V^-T. A basis that does not span all inputs leaves the rest of W open: PEFT drops it, Weft keeps it. */
const inverseTransposed = (V: Sized): Sized => {
  const exact = Math.max(...V.values.map(Math.abs)) < 2 ** -60 ? undefined : plainInverse(V);
  if (exact === undefined) throw unchecked('the basis is singular');
  return turn(exact);
};

/** U (S + diag(l)) V^T, with U the columns of W V^-T at length 1; columns shorter than 1e-12 are zero. */
export const frodDefinition = weights((l) => {
  const lambda = l.tensor('frod_lambda_l');
  if (lambda === undefined) return undefined;
  const name = category(l.module.name);
  const V = matrixOf(named(l.params, `base_model.frod_V.${name}`) as Exact);
  const places = (named(l.params, `base_model.frod_s_indices.${name}`) as Exact).values;
  const s = the(l, 'frod_lambda_s_values').values;
  const W = l.transposed ? turn(matrixOf(l.W)) : matrixOf(l.W);
  const B = product(W, inverseTransposed(V));
  const U = entries(B.rows, B.columns, 1, (i, j) => {
    const [length] = lengthOf(B, j);
    const x = length <= 1e-12 ? 0 : at(B, i, j) / length;
    return [x, Math.abs(x)];
  });
  const d = V.rows;
  const core = exactly(d, d, (i, j) => {
    const k = Array.from(s.keys()).find((n) => places[n] === i && places[s.length + n] === j);
    return (i === j ? (lambda.values[i] as number) : 0) + (k === undefined ? 0 : (s[k] as number));
  });
  const whole = product(product(U, core), turn(V));
  // as a change of W: W is U diag(lengths) V^T up to rounding, and both are as large as its terms
  const lengths = exactly(1, d, (_, j) => lengthOf(B, j)[0]);
  const back = product(hadamard(U, lengths), turn(V));
  const change = entries(W.rows, W.columns, whole.roundings + 4, (i, j) => [
    at(whole, i, j) - at(W, i, j),
    (whole.sizes[i * W.columns + j] as number) + (back.sizes[i * W.columns + j] as number),
  ]);
  return plus(upright(l), change);
});

/** The r leading triplets by torch's svd_lowrank, with its random matrix and in its order of QR factorisations. */
const lowRank = (W: Sized, r: number, iterations: number, seed: number): ReturnType<typeof sizedSvd> => {
  const wide = W.rows < W.columns;
  const A = wide ? turn(W) : W;
  const R = svdLowrankTestMatrix(torchGenerator(seed), W.rows, W.columns, r);
  let Q = orthonormalColumns(
    product(
      A,
      exactly(A.columns, r, (i, j) => R[i * r + j] as number),
    ),
  );
  for (let k = 0; k < iterations; k++) {
    Q = orthonormalColumns(product(turn(A), Q));
    Q = orthonormalColumns(product(A, Q));
  }
  const { U, S, Vt } = sizedSvd(product(turn(Q), A));
  const left = product(Q, U);
  return wide ? { U: turn(Vt), S, Vt: turn(left) } : { U: left, S, Vt };
};

/** R = diag(b) Q diag(a); Q by Cayley's transform of -K, by its series, or free. */
const psoftRotation = (l: Layer, r: number): Sized => {
  const { psoft_orth, use_cayley_neumann, num_cayley_neumann_terms, cayley_neumann_eps: eps } = l.config;
  const weight = the(l, 'psoft_R.weight');
  const free = (): Sized => {
    const K = skew(weight.values, r);
    if (!use_cayley_neumann) return cayley(scaled(-1, K));
    const norm = Math.hypot(...K.values);
    return neumann(eps !== null && norm > eps ? scaled(eps / (norm + 1e-12), K) : K, num_cayley_neumann_terms);
  };
  const Q = psoft_orth ? free() : matrixOf(weight);
  const [a, b] = [l.tensor('psoft_R.vector_a'), l.tensor('psoft_R.vector_b')];
  const left = b === undefined ? Q : hadamard(matrixOf(b), Q);
  return a === undefined ? left : hadamard(left, matrixOf(a, 1));
};

/** s B (R - I) A, where s B A are the r leading triplets of W: values in B alone, or their roots in both. */
export const psoftDefinition = added((l) => {
  if (l.tensor('psoft_R.weight') === undefined) return undefined;
  const { r, psoft_alpha, ab_svd_init, psoft_svd, psoft_svd_lowrank_niter: iterations, random_seed } = l.config;
  const W = l.transposed ? turn(matrixOf(l.W)) : matrixOf(l.W);
  const { U, S, Vt } = psoft_svd === 'full' ? sizedSvd(W) : lowRank(W, r, iterations, random_seed);
  const s = psoft_alpha / r;
  const values = exactly(1, r, (_, j) => (S[j] as number) / s);
  const roots = mapped(values, Math.sqrt, 0);
  const [left, right] = [slice(U, [0, W.rows], [0, r]), slice(Vt, [0, r], [0, W.columns])];
  const [B, A] =
    ab_svd_init === 'psoft_init'
      ? [hadamard(left, values), right]
      : [hadamard(left, roots), hadamard(turn(roots), right)];
  return scaled(s, product(product(B, plus(psoftRotation(l, r), scaled(-1, identity(r)))), A));
});
