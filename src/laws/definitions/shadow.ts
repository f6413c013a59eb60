/**
 * ShadowPEFT's equations in float64: what a block reads, how the state goes on, and which tensors are the shadow's.
 */
import { activations } from './activations.js';
import type { Exact, Expected } from './definition.js';
import type { ForwardDefinition, ForwardGiven } from './forward.js';
import { named, pre, unrounded } from './layer.js';
import {
  entries,
  entryAt,
  hadamard,
  mapped,
  matrixOf,
  plus,
  product,
  scaled,
  slice,
  turn,
  type Sized,
} from './matrix.js';

/** Where PEFT puts the shadow in its files. */
const BACKBONE = 'base_model.shadow_backbone.default.';

const held = (g: ForwardGiven, name: string): Exact => {
  const found = named(g.params, name);
  if (found === undefined) throw new RangeError(`a definition finds no tensor ${name}`);
  return found;
};

/** The same row for every row of X. */
const rowwise = (X: Sized, row: Exact): Sized =>
  entries(X.rows, X.columns, 0, (_, j) => {
    const b = row.values[j] as number;
    return [b, Math.abs(b)];
  });

const affine = (g: ForwardGiven, at: string, X: Sized): Sized => {
  const y = product(X, turn(matrixOf(held(g, `${at}.weight`))));
  return plus(y, rowwise(y, held(g, `${at}.bias`)));
};

/** The largest slope of gelu, and that of the logistic function. */
const [GELU, LOGISTIC] = [1.13, 0.25];

const network = (g: ForwardGiven, at: string, X: Sized): Sized =>
  affine(g, `${at}.2`, mapped(affine(g, `${at}.0`, X), activations['gelu'] as (x: number) => number, GELU));

/** Rows i n to (i + 1) n of a stack of matrices. */
const part = (X: Sized, i: number, n: number): Sized => slice(X, [i * n, n], [0, X.columns]);

/** For rows h, s and y: h + alpha (h - s) A^T B^T, and behind them (1 - g) s + g T(y) with g = 1 / (1 + exp(-G(y))). */
const block = (g: ForwardGiven, module: string): Expected => {
  const given = g.inputs[module] as Exact;
  const [, n, D] = given.shape as readonly [number, number, number];
  const [h, s, y] = [0, 1, 2].map((i) => part(matrixOf(given, 3 * n), i, n)) as [Sized, Sized, Sized];
  const at = `${pre}${module}.shadow`;
  const [A, B] = ['down', 'up'].map((name) => turn(matrixOf(held(g, `${at}_${name}.default.weight`)))) as [
    Sized,
    Sized,
  ];
  const read = plus(h, scaled(g.config.shadow_alpha, product(product(plus(h, scaled(-1, s)), A), B)));
  const gate = mapped(network(g, `${at}_update_gate.default`, y), (x) => 1 / (1 + Math.exp(-x)), LOGISTIC);
  const kept = mapped(gate, (x) => 1 - x, 1);
  const next = plus(hadamard(kept, s), hadamard(gate, network(g, `${at}_update_transform.default`, y)));
  const roundings = Math.max(read.roundings, next.roundings);
  const both = entries(2 * n, D, roundings, (i, j) => (i < n ? entryAt(read, i, j) : entryAt(next, i - n, j)));
  return { shape: [2, n, D], values: both.values, magnitude: both.sizes, roundings };
};

/** The shadow's own tensors, as they are. */
const model = (g: ForwardGiven): ReadonlyArray<readonly [string, Expected]> =>
  Object.entries(g.params).flatMap(([name, value]): ReadonlyArray<readonly [string, Expected]> =>
    name.startsWith(BACKBONE)
      ? [[`shadow model.${name.slice(BACKBONE.length)}`, unrounded(value)]]
      : name === 'base_model.shadow_projection.default.weight'
        ? [['shadow P', unrounded(value)]]
        : [],
  );

/** What ShadowPEFT puts beside a Llama. */
export const shadowForward: ForwardDefinition = (g) =>
  Object.fromEntries([...model(g), ...Object.keys(g.inputs).map((module) => [module, block(g, module)] as const)]);
