/**
 * What a definition sees of one layer, and what every file may hold beside its method's own tensors.
 *
 * Tensors are found by their names in PEFT's files, without the layouts that methods declare.
 */
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import type { Definition, Exact, Expected, Given } from './definition.js';
import { expectedOf, matrixOf, plus, turn, type Sized } from './matrix.js';

/** The prefix of every tensor that sits in a wrapped model. */
export const pre = 'base_model.model.';

/** One parameter of one module. */
export interface Layer extends Given {
  readonly module: ModuleSpec;
  /** `weight`, `bias` or another parameter of the module. */
  readonly param: string;
  /** The parameter's shape. */
  readonly shape: ReadonlyArray<number>;
  /** The parameter as it is so far, as a matrix of the rows of its first axis. */
  readonly V: Sized;
  /** The tensor `<module>.<suffix>` of the file. */
  readonly tensor: (suffix: string) => Exact | undefined;
  /** The weight is stored as (in, out). */
  readonly transposed: boolean;
}

/** A tensor of a record by name. */
export const named = (params: Readonly<Record<string, Exact>>, name: string): Exact | undefined =>
  Object.hasOwn(params, name) ? params[name] : undefined;

/** A tensor of the file that must be there. */
export const the = (l: Pick<Layer, 'tensor'>, suffix: string): Exact => {
  const found = l.tensor(suffix);
  if (found === undefined) throw new RangeError(`a definition finds no tensor ${suffix}`);
  return found;
};

/** A matrix of the file that must be there. */
export const theMatrix = (l: Pick<Layer, 'tensor'>, suffix: string, rows?: number): Sized =>
  matrixOf(the(l, suffix), rows);

/** The value of a `..._pattern` for a module; patterns of the laws are plain ends of names. */
export const byPattern = (patterns: Readonly<Record<string, number>> | null, name: string): number | undefined =>
  Object.entries(patterns ?? {}).find(([end]) => name === end || name.endsWith(`.${end}`))?.[1];

/** A guessed Linear may be a Conv1D: then the config knows better than the shapes. */
const isTransposed = (m: ModuleSpec, fanInFanOut: boolean): boolean =>
  m.kind === 'Conv1D' || (m.kind === 'Linear' && m.inferred === true && fanInFanOut);

/** Features of a Linear or Conv1D. */
export const features = (m: ModuleSpec, fanInFanOut = false): { readonly out: number; readonly inputs: number } => {
  const [rows = 0, columns = 0] = m.params['weight'] ?? [];
  return isTransposed(m, fanInFanOut) ? { out: columns, inputs: rows } : { out: rows, inputs: columns };
};

/** Modules with a tensor of their own in the file, in the order of the model. */
export const modulesWith = ({ spec, params }: Given, suffix: string): ReadonlyArray<ModuleSpec> =>
  spec.modules.filter((m) => named(params, `${pre}${m.name}.${suffix}`) !== undefined);

/** Modules whose own parameter is stored under the key: its owner, and those tied to it. */
const usersOf = (spec: ModelSpec, key: string): ReadonlyArray<readonly [module: ModuleSpec, param: string]> =>
  spec.modules.flatMap((m) =>
    Object.keys(m.params)
      .filter((p) => ownerOf(spec, paramKey(m.name, p)) === key)
      .map((p) => [m, p] as const),
  );

/** Whole tensors that the file holds for a key, at the module or below its `base_layer`. */
const whole = (params: Given['params'], key: string): Exact | undefined =>
  ['', '.base_layer']
    .map((layer) => named(params, `${pre}${key.replace(/\.([^.]*)$/, `${layer}.$1`)}`))
    .find((x) => x !== undefined);

/** Whether a parameter belongs to a module that is saved as a whole. */
export const isSaved = ({ config }: Pick<Given, 'config'>, key: string): boolean =>
  ((config.modules_to_save ?? []) as ReadonlyArray<string>).some((name) => key.replace(/\.[^.]*$/, '').endsWith(name));

/** Embeddings that were saved with the adapter replace the base's before anything else happens to them. */
const started = (g: Given): Exact =>
  g.key === `${g.spec.inputEmbedding}.weight` && !isSaved(g, g.key) ? (whole(g.params, g.key) ?? g.W) : g.W;

/** Numbers as they are. */
export const unrounded = (x: Exact): Expected => ({ ...x, magnitude: x.values.map(Math.abs), roundings: 0 });

/** New rows in place of some, element by element. */
export const withRows = (V: Expected, rows: ReadonlyArray<number>, delta: Exact): Expected => {
  const columns = V.shape[1] as number;
  const [values, magnitude] = [V.values.slice(), V.magnitude.slice()];
  rows.forEach((row, i) => {
    for (let k = 0; k < columns; k++) {
      values[row * columns + k] = delta.values[i * columns + k] as number;
      magnitude[row * columns + k] = Math.abs(delta.values[i * columns + k] as number);
    }
  });
  return { ...V, values, magnitude };
};

/** Biases and modules that stand for the whole tensor, then trained rows. */
const replaced = (g: Given, V: Expected): Expected => {
  const { key, config, params } = g;
  const trained = key.endsWith('.bias') && config.bias !== undefined && config.bias !== 'none';
  const value = isSaved(g, key) || trained ? whole(params, key) : undefined;
  if (value !== undefined) return unrounded(value);
  const delta = named(params, `${pre}${key.replace(/\.weight$/, '')}.token_adapter.trainable_tokens_delta`);
  const given = (config.trainable_token_indices ?? null) as
    null | ReadonlyArray<number> | Readonly<Record<string, ReadonlyArray<number>>>;
  if (delta === undefined || given === null) return V;
  const rows = Array.isArray(given)
    ? (given as ReadonlyArray<number>)
    : (Object.values(given as Readonly<Record<string, ReadonlyArray<number>>>)[0] ?? []);
  return withRows(V, rows, delta);
};

const layerOf = (g: Given, module: ModuleSpec, param: string, V: Expected): Layer => ({
  ...g,
  module,
  param,
  shape: V.shape,
  V: { ...matrixOf(V), sizes: V.magnitude, roundings: V.roundings },
  tensor: (suffix) => named(g.params, `${pre}${module.name}.${suffix}`),
  transposed: isTransposed(module, g.config.fan_in_fan_out === true),
});

/**
 * The definition of a method by what it makes of one parameter of one module; nothing where it leaves that alone. Tied parameters
 * are changed by each of their modules in turn.
 */
export const byLayer =
  (change: (layer: Layer) => Sized | undefined): Definition =>
  (g) => {
    const changed = usersOf(g.spec, g.key).reduce(
      (V, [m, param]) => {
        const next = change(layerOf(g, m, param, V));
        return next === undefined ? V : expectedOf(next, V.shape);
      },
      unrounded(started(g)),
    );
    return replaced(g, changed);
  };

/** The weight of a layer as (out, in), whatever its storage. */
export const upright = (l: Layer): Sized => (l.transposed ? turn(l.V) : l.V);

/** A matrix (out, in) in the storage of the layer's weight. */
export const stored = (l: Layer, X: Sized): Sized => (l.transposed ? turn(X) : X);

/** The definition of a method that replaces weights by a matrix (out, in) that is made from them. */
export const weights = (value: (layer: Layer) => Sized | undefined): Definition =>
  byLayer((l) => {
    if (l.param !== 'weight') return undefined;
    const next = value(l);
    return next === undefined ? undefined : stored(l, next);
  });

/** The definition of a method that adds a matrix (out, in) to weights. */
export const added = (delta: (layer: Layer) => Sized | undefined): Definition =>
  byLayer((l) => {
    if (l.param !== 'weight') return undefined;
    const D = delta(l);
    return D === undefined ? undefined : plus(l.V, stored(l, D));
  });
