/**
 * Methods that set, scale or shift rows, single entries or biases: IA3, LN tuning, BEFT, SHiRA, Super-Tuning, trainable tokens, GLoRA.
 */
import type { Exact } from './definition.js';
import { byLayer, named, pre, the, theMatrix, type Layer } from './layer.js';
import {
  entries,
  entryAt,
  hadamard,
  matrixOf,
  plus,
  product,
  scaled,
  times,
  total,
  type Entry,
  type Sized,
} from './matrix.js';

/** Whether IA3 scales a module's inputs: by a plain end of its name. */
const isFeedforward = (l: Layer): boolean =>
  (l.config.feedforward_modules as ReadonlyArray<string>).some((end) => l.module.name.endsWith(end));

/** diag(l) W and l * b, or W diag(l) for feedforward modules; l counts channels, each with its whole kernel. */
export const ia3Definition = byLayer((l) => {
  const given = l.tensor('ia3_l');
  if (given === undefined || (l.param !== 'weight' && l.param !== 'bias')) return undefined;
  // a grouped convolution's rows see the inputs of their own group, and are scaled by a change, l - 1
  const groups = l.module.conv?.groups ?? 1;
  const factor = (i: number): Entry => {
    const x = given.values[i] as number;
    return [x, Math.abs(x) + (groups > 1 ? 2 : 0)];
  };
  const ff = isFeedforward(l);
  if (l.param === 'bias') return ff ? undefined : hadamard(matrixOf(given, l.V.rows), l.V);
  const kernel = l.shape.slice(2).reduce((n, d) => n * d, 1);
  const byColumns = ff !== l.transposed;
  const firstOf = (row: number): number => Math.floor((row * groups) / l.V.rows) * (l.V.columns / kernel);
  return entries(l.V.rows, l.V.columns, l.V.roundings + 3, (i, j) =>
    times(factor(byColumns ? firstOf(i) + Math.floor(j / kernel) : i), entryAt(l.V, i, j)),
  );
});

/** A trained copy of the module, with all that lies below it; PEFT leaves the adapter's name in the names of what lies below. */
export const lnTuningDefinition = byLayer((l) => {
  const path = l.module.name.split('.');
  const copies = path.map((_, n) => {
    const [above, below] = [path.slice(0, n + 1), [...path.slice(n + 1), l.param]];
    const copies = `${pre}${above.join('.')}.ln_tuning_layers${below.length > 1 ? '.default' : ''}`;
    return named(l.params, `${copies}.${below.join('.')}`);
  });
  const copy = copies.find((x) => x !== undefined);
  return copy === undefined ? undefined : matrixOf(copy, l.V.rows);
});

/** b + v. */
export const beftDefinition = byLayer((l) => {
  const v = l.tensor('beft_bias');
  return v === undefined || l.param !== 'bias' ? undefined : plus(l.V, matrixOf(v, l.V.rows));
});

/** W + v at places (row, column) that the file names. */
const scattered = (W: Sized, place: (k: number) => number, values: Float64Array): Sized => {
  const moved = new Map(Array.from(values, (v, k) => [place(k), v] as const));
  return entries(W.rows, W.columns, W.roundings + 1, (i, j) => {
    const v = moved.get(i * W.columns + j);
    return v === undefined ? entryAt(W, i, j) : total([entryAt(W, i, j), [v, Math.abs(v)]]);
  });
};

/** W[row_k, column_k] + v_k. */
export const shiraDefinition = byLayer((l) => {
  const v = l.tensor('shira_weight');
  if (v === undefined || l.param !== 'weight') return undefined;
  const { values: at } = the(l, 'shira_indices');
  const n = v.values.length;
  return scattered(l.V, (k) => (at[k] as number) * l.V.columns + (at[n + k] as number), v.values);
});

/** The k entries of W of largest or smallest magnitude, in that order, as torch's topk; of equal ones the first come first. */
const extremes = (W: Exact, k: number, largest: boolean): ReadonlyArray<number> =>
  Array.from(W.values.keys())
    .toSorted(
      (a, b) => (largest ? -1 : 1) * (Math.abs(W.values[a] as number) - Math.abs(W.values[b] as number)) || a - b,
    )
    .slice(0, k);

/** W + v at flat places, which the file names or the magnitudes of W choose, and (alpha / r) B A beside it; alpha is 2 r unless given. */
export const supertuningDefinition = byLayer((l) => {
  const v = l.tensor('supertuning_values');
  if (v === undefined || l.param !== 'weight') return undefined;
  const { r, lora_alpha, select_top } = l.config;
  const held = l.tensor('supertuning_indices')?.values;
  const places = held ?? extremes(l.W, v.values.length, select_top);
  const W = scattered(l.V, (k) => places[k] as number, v.values);
  if (r === null) return W;
  const [A, B] = [theMatrix(l, 'supertuning_lora_A.weight'), theMatrix(l, 'supertuning_lora_B.weight')];
  return plus(W, scaled((lora_alpha ?? 2 * r) / r, product(B, A)));
});

/** Trained rows in place of the embedding's. */
export const trainableTokensDefinition = byLayer((l) => {
  const delta = l.tensor('trainable_tokens_delta');
  if (delta === undefined || l.param !== 'weight') return undefined;
  const rows = l.config.token_indices as ReadonlyArray<number>;
  const trained = matrixOf(delta);
  return entries(l.V.rows, l.V.columns, l.V.roundings, (i, j) =>
    rows.includes(i) ? entryAt(trained, rows.indexOf(i), j) : entryAt(l.V, i, j),
  );
});

/** A matrix of GLoRA's: a product, a vector or a number over all columns, or nothing. */
const gloraMatrix = (l: Layer, name: string, rows: number, columns: number): Sized | undefined => {
  const [Xd, X] = [l.tensor(`glora_${name}.Xd`), l.tensor(`glora_${name}.X`)];
  if (Xd !== undefined) return product(matrixOf(Xd), theMatrix(l, `glora_${name}.Xu`));
  if (X === undefined) return undefined;
  return entries(rows, columns, 0, (i) => {
    const x = X.values[X.values.length === 1 ? 0 : i] as number;
    return [x, Math.abs(x)];
  });
};

/** W + W * A + B, and for the bias b + b * D + E + W C with the weight as it was. */
export const gloraDefinition = byLayer((l) => {
  if (l.param === 'weight') {
    const { rows, columns } = l.V;
    const [A, B] = ['A', 'B'].map((name) => gloraMatrix(l, name, rows, columns));
    const V = A === undefined ? l.V : plus(l.V, hadamard(l.V, A));
    return B === undefined ? V : plus(V, B);
  }
  const W = l.base[`${l.module.name}.weight`];
  if (l.param !== 'bias' || W === undefined) return undefined;
  const weight = matrixOf(W);
  const [D, E] = ['D', 'E'].map((name) => gloraMatrix(l, name, weight.rows, 1));
  const C = gloraMatrix(l, 'C', weight.columns, 1);
  const terms = [D === undefined ? undefined : hadamard(l.V, D), E, C === undefined ? undefined : product(weight, C)];
  return terms.reduce<Sized>((b, term) => (term === undefined ? b : plus(b, term)), l.V);
});
