/**
 * LoRA by its equations, element by element in float64: rsLoRA, DoRA, KaSA, BD-LoRA, QA-LoRA, MiCA, VeLoRA and MonteCLoRA (which merge as
 * LoRA does), and what PiSSA and OLoRA take out of the base.
 *
 * Written against PEFT's file format and apart from the updates: it finds a key's tensors by their names, and knows their
 * packing. It expects the patterns of `rank_pattern` and `alpha_pattern` to be plain ends of names.
 */
import type { LoraConfig } from '../../adapters/methods/lora/config.js';
import { paramKey, type ModuleSpec } from '../../models/spec.js';
import type { Exact } from './definition.js';
import { triplets } from './decomposed.js';
import { byLayer, byPattern, named, pre, type Layer } from './layer.js';
import {
  dividedColumns,
  entries,
  entryAt,
  hadamard,
  lengthOf,
  matrixOf,
  plus,
  product,
  scaled,
  slice,
  times,
  total,
  turn,
  type Sized,
} from './matrix.js';
import { orthonormalColumns } from './solve.js';

const scaling = (c: LoraConfig, name: string): { readonly r: number; readonly s: number } => {
  const r = byPattern(c.rank_pattern, name) ?? c.r;
  const alpha = byPattern(c.alpha_pattern, name) ?? c.lora_alpha;
  return { r, s: c.use_rslora ? alpha / Math.sqrt(r) : alpha / r };
};

/** Factors as a file has them below a prefix. */
interface Factors {
  readonly A: Exact;
  readonly B: Exact;
  readonly tensor: (suffix: string) => Exact | undefined;
}

const factorsAt = (l: Layer, prefix: string, embedding = false): Factors | undefined => {
  const tensor = (suffix: string): Exact | undefined => named(l.params, `${prefix}.${suffix}`);
  const [A, B] = (embedding ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight']).map(
    tensor,
  );
  return A === undefined || B === undefined ? undefined : { A, B, tensor };
};

/** The matrix of k blocks [m / k, n] on a diagonal, which are stored one below the other as [m, n]. */
const blockDiagonal = (X: Sized, k: number): Sized =>
  entries(X.rows, X.columns * k, 0, (i, j) =>
    Math.floor((i * k) / X.rows) === Math.floor(j / X.columns) ? entryAt(X, i, j % X.columns) : [0, 0],
  );

/** A [r, in] and B [out, r] of a linear layer, from what a variant stores in their place. */
const denseFactors = (
  l: Layer,
  { A, B, tensor }: Factors,
  out: number,
  inputs: number,
): readonly [A: Sized, B: Sized] => {
  const [a, b] = [matrixOf(A), matrixOf(B)];
  const q = tensor('lora_diag');
  if (q !== undefined) return [a, hadamard(b, matrixOf(q, 1))];
  const blocks = (l.config as LoraConfig).use_bdlora?.nblocks ?? 1;
  if (blocks > 1 && a.columns < inputs) return [blockDiagonal(a, blocks), b];
  if (blocks > 1 && b.rows === out && b.columns < a.rows) return [a, blockDiagonal(b, blocks)];
  // QA-LoRA: groups of g features, each as its mean times the number of groups
  const groups = a.columns;
  const g = inputs / groups;
  return groups === inputs
    ? [a, b]
    : [entries(a.rows, inputs, 1, (j, i) => times(entryAt(a, j, Math.floor(i / g)), [groups / g, groups / g])), b];
};

/** The weight without what its start took out: KaSA's last r triplets, PiSSA's first, or OLoRA's s Q_r Q_r^T W. */
const residual = (l: Layer, W: Sized, r: number, s: number): Sized => {
  const c = l.config as LoraConfig;
  const k = Math.min(W.rows, W.columns);
  if (c.kasa_config !== null) return plus(W, scaled(-1, triplets(W, k - r, r)));
  if (c.init_lora_weights === 'pissa') return plus(W, scaled(-1, triplets(W, 0, r)));
  if (c.init_lora_weights !== 'olora') return W;
  const Q = orthonormalColumns(slice(W, [0, W.rows], [0, r]));
  return plus(W, scaled(-s, product(Q, product(turn(Q), W))));
};

/** (m / ||V||) V over rows. */
const normalizedRows = (V: Sized, m: Exact): Sized => {
  const columns = turn(V);
  const unit = turn(dividedColumns(columns, (j) => lengthOf(columns, j), V.columns + V.roundings + 6));
  return hadamard(matrixOf(m, V.rows), unit);
};

/** A Linear or Conv1D, an embedding (whose rows are its inputs), or a convolution with its kernel in the columns. */
const linear = (l: Layer, f: Factors, name: string, factor = 1): Sized => {
  const { r, s } = scaling(l.config, name);
  const turned = l.transposed || l.module.kind === 'Embedding';
  const W = turned ? turn(l.V) : l.V;
  const [A, B] = denseFactors(l, f, W.rows, W.columns);
  const V = plus(residual(l, W, r, s), scaled(s * factor, product(B, A)));
  const m = f.tensor('lora_magnitude_vector');
  const whole = m === undefined ? V : normalizedRows(V, m);
  return turned ? turn(whole) : whole;
};

/** Experts: A's row is e r + j, B's column is j E + e. */
const experts = (l: Layer, { A, B }: Factors, name: string): Sized => {
  const [E, m, n] = l.shape as readonly [number, number, number];
  const { r, s } = scaling(l.config, name);
  const [a, b] = [matrixOf(A), matrixOf(B)];
  return entries(E, m * n, r + 4, (e, x) => {
    const [row, column] = [Math.floor(x / n), x % n];
    const [o, i] = l.module.transposed === true ? [column, row] : [row, column];
    const terms = Array.from({ length: r }, (_, j) =>
      times([s, Math.abs(s)], entryAt(b, o, j * E + e), entryAt(a, e * r + j, i)),
    );
    return total([entryAt(l.V, e, x), ...terms]);
  });
};

/** Where the factors of a raw parameter lie: below one `base_layer` for each later target of the module. */
const rawPrefix = (l: Layer, isTarget: (param: string) => boolean): string => {
  const targeted = Object.keys(l.module.params).filter(isTarget);
  return `${pre}${l.module.name}${'.base_layer'.repeat(Math.max(0, targeted.length - 1 - targeted.indexOf(l.param)))}`;
};

const raw = (l: Layer): Sized | undefined => {
  const targets = (l.config as LoraConfig).target_parameters ?? [];
  const isTarget = (param: string): boolean => targets.some((t) => paramKey(l.module.name, param).endsWith(t));
  const found = isTarget(l.param) ? factorsAt(l, rawPrefix(l, isTarget)) : undefined;
  const name = paramKey(l.module.name, l.param);
  if (found === undefined) return undefined;
  return l.shape.length === 3 ? experts(l, found, name) : linear(l, found, name);
};

const weight = (l: Layer): Sized | undefined => {
  const isParent = (p: ModuleSpec): boolean =>
    `${p.name}.out_proj` === l.module.name && p.kind === 'MultiheadAttention';
  const parent = l.spec.modules.find(isParent);
  const nested = parent === undefined ? undefined : factorsAt(l, `${pre}${parent.name}.base_layer.out_proj`);
  // PEFT adds the out-projection's change twice
  const V = parent === undefined || nested === undefined ? undefined : linear(l, nested, parent.name, 2);
  const own = factorsAt(l, pre + l.module.name, l.module.kind === 'Embedding');
  return own === undefined ? V : linear({ ...l, V: V ?? l.V }, own, l.module.name);
};

const bias = (l: Layer): Sized | undefined => {
  const shift = l.tensor('lora_B.bias');
  return shift === undefined ? undefined : plus(l.V, scaled(scaling(l.config, l.module.name).s, matrixOf(shift)));
};

/** LoRA's merged tensors. */
export const loraDefinition = byLayer((l) => {
  if (l.module.kind === 'Parameters') return raw(l);
  if (l.param === 'bias') return bias(l);
  return l.param === 'weight' || l.param === 'in_proj_weight' ? weight(l) : undefined;
});
