/**
 * LoRA and DoRA by their equations, element by element in float64.
 *
 * Written against PEFT's file format and apart from the updates: it finds a key's tensors by their names, and knows their
 * packing. It expects the patterns of `rank_pattern` and `alpha_pattern` to be plain ends of names.
 */
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import type { LoraConfig } from '../../adapters/methods/lora/config.js';
import type { Definition, Exact, Expected } from './definition.js';

type Params = Readonly<Record<string, Exact>>;

const at = (x: Exact, i: number): number => x.values[i] as number;

const named = (params: Params, name: string): Exact | undefined =>
  Object.hasOwn(params, name) ? params[name] : undefined;

const byPattern = (patterns: Readonly<Record<string, number>>, name: string): number | undefined =>
  Object.entries(patterns).find(([end]) => name === end || name.endsWith(`.${end}`))?.[1];

const scaling = (c: LoraConfig, name: string): { readonly r: number; readonly s: number } => {
  const r = byPattern(c.rank_pattern, name) ?? c.r;
  const alpha = byPattern(c.alpha_pattern, name) ?? c.lora_alpha;
  return { r, s: c.use_rslora ? alpha / Math.sqrt(r) : alpha / r };
};

/** A change D [rows, columns] of a matrix view, and |s| |B| |A| beside it. */
interface Change {
  readonly D: (row: number, column: number) => number;
  readonly size: (row: number, column: number) => number;
}

/** sum_j f(j), signed and absolute. */
const product = (
  r: number,
  s: number,
  factors: (i: number, k: number, j: number) => readonly [number, number],
): Change => {
  const sum = (i: number, k: number, size: boolean): number => {
    let total = 0;
    for (let j = 0; j < r; j++) {
      const [b, a] = factors(i, k, j);
      total += size ? Math.abs(b * a) : b * a;
    }
    return total * (size ? Math.abs(s) : s);
  };
  return { D: (i, k) => sum(i, k, false), size: (i, k) => sum(i, k, true) };
};

/** s B A for an output row o and an input column i of a layer, whatever its storage. */
const lowRank = (A: Exact, B: Exact, s: number): Change => {
  const r = A.shape[0] as number;
  const columns = A.values.length / r;
  return product(r, s, (o, i, j) => [at(B, o * r + j), at(A, j * columns + i)]);
};

/** The same with rows and columns exchanged. */
const turned = ({ D, size }: Change): Change => ({ D: (i, k) => D(k, i), size: (i, k) => size(k, i) });

/** W + D and the magnitude |W| + |D| of it. */
const added = (W: Expected, change: Change, columns: number): Expected => ({
  ...W,
  values: W.values.map((w, n) => w + change.D(Math.floor(n / columns), n % columns)),
  magnitude: W.magnitude.map((m, n) => m + change.size(Math.floor(n / columns), n % columns)),
});

/** (m / ||V||) V over rows (`alongRows`) or columns. */
const normalized = (V: Expected, m: Exact, columns: number, alongRows: boolean): Expected => {
  const place = (n: number): number => (alongRows ? Math.floor(n / columns) : n % columns);
  const norms = (x: Float64Array): Float64Array => {
    const squares = new Float64Array(m.values.length);
    x.forEach((v, n) => (squares[place(n)] = (squares[place(n)] as number) + v * v));
    return squares.map(Math.sqrt);
  };
  const [norm, spread] = [norms(V.values), norms(V.magnitude)];
  const ratio = (n: number): number => at(m, place(n)) / (norm[place(n)] as number);
  return {
    ...V,
    values: V.values.map((v, n) => v * ratio(n)),
    magnitude: V.magnitude.map(
      (size, n) =>
        Math.abs(ratio(n)) *
        (size + (Math.abs(V.values[n] as number) * (spread[place(n)] as number)) / (norm[place(n)] as number)),
    ),
  };
};

/** Experts: A's row is e r + j, B's column is j E + e. */
const experts = (W: Expected, A: Exact, B: Exact, r: number, s: number, transposed: boolean): Expected => {
  const [E, m, n] = W.shape as readonly [number, number, number];
  const inputs = A.shape[1] as number;
  const change = (e: number): Change => {
    const plain = product(r, s, (o, i, j) => [at(B, o * (r * E) + j * E + e), at(A, (e * r + j) * inputs + i)]);
    return transposed ? turned(plain) : plain;
  };
  const each = Array.from({ length: E }, (_, e) => change(e));
  const place = (x: number) => [Math.floor(x / (m * n)), Math.floor((x % (m * n)) / n), x % n] as const;
  return {
    ...W,
    values: W.values.map((w, x) => w + (each[place(x)[0]] as Change).D(place(x)[1], place(x)[2])),
    magnitude: W.magnitude.map((w, x) => w + (each[place(x)[0]] as Change).size(place(x)[1], place(x)[2])),
  };
};

const isTurned = (c: LoraConfig, m: ModuleSpec): boolean =>
  m.kind === 'Conv1D' || m.kind === 'Embedding' || (m.inferred === true && c.fan_in_fan_out);

const ofModule = (
  c: LoraConfig,
  m: ModuleSpec,
  param: string,
  prefix: string,
  factor: number,
  W: Expected,
  params: Params,
): Expected => {
  const [a, b] = m.kind === 'Embedding' ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
  const [A, B] = [named(params, `${prefix}.${a}`), named(params, `${prefix}.${b}`)];
  if (A === undefined || B === undefined) return W;
  const raw = c.target_parameters?.some((p) => paramKey(m.name, param).endsWith(p)) === true && m.kind === 'Parameters';
  const { r, s } = scaling(c, raw ? paramKey(m.name, param) : m.name);
  if (W.shape.length === 3 && m.kind === 'Parameters') return experts(W, A, B, r, s, m.transposed === true);
  const columns = W.values.length / (W.shape[0] as number);
  const change = lowRank(A, B, s * factor);
  const V = added(W, isTurned(c, m) ? turned(change) : change, columns);
  const magnitude = named(params, `${prefix}.lora_magnitude_vector`);
  return magnitude === undefined ? V : normalized(V, magnitude, columns, !isTurned(c, m));
};

const pre = 'base_model.model.';

/** Modules whose own parameter is stored under the key: its owner, and those tied to it. */
const usersOf = (spec: ModelSpec, key: string): ReadonlyArray<readonly [module: ModuleSpec, param: string]> =>
  spec.modules.flatMap((m) =>
    Object.keys(m.params)
      .filter((p) => ownerOf(spec, paramKey(m.name, p)) === key)
      .map((p) => [m, p] as const),
  );

/** Where the factors of a raw parameter lie: below one `base_layer` for each later target of the module. */
const rawPrefix = (c: LoraConfig, m: ModuleSpec, param: string): string => {
  const targeted = Object.keys(m.params).filter((p) =>
    c.target_parameters?.some((t) => paramKey(m.name, p).endsWith(t)),
  );
  return `${pre}${m.name}${'.base_layer'.repeat(Math.max(0, targeted.length - 1 - targeted.indexOf(param)))}`;
};

const weight = (
  c: LoraConfig,
  m: ModuleSpec,
  param: string,
  W: Expected,
  spec: ModelSpec,
  params: Params,
): Expected => {
  if (m.kind === 'Parameters') {
    const targeted = c.target_parameters?.some((t) => paramKey(m.name, param).endsWith(t)) === true;
    return targeted ? ofModule(c, m, param, rawPrefix(c, m, param), 1, W, params) : W;
  }
  const parent = spec.modules.find((p) => `${p.name}.out_proj` === m.name && p.kind === 'MultiheadAttention');
  // PEFT adds the out-projection's change twice
  if (parent !== undefined) {
    const nested = ofModule(
      c,
      { ...m, name: parent.name },
      param,
      `${pre}${parent.name}.base_layer.out_proj`,
      2,
      W,
      params,
    );
    return ofModule(c, m, param, pre + m.name, 1, nested, params);
  }
  return ofModule(c, m, param, pre + m.name, 1, W, params);
};

const bias = (c: LoraConfig, m: ModuleSpec, W: Expected, params: Params): Expected => {
  const shift = named(params, `${pre}${m.name}.lora_B.bias`);
  if (shift === undefined) return W;
  const { s } = scaling(c, m.name);
  return {
    ...W,
    values: W.values.map((w, i) => w + s * at(shift, i)),
    magnitude: W.magnitude.map((w, i) => w + Math.abs(s * at(shift, i))),
  };
};

const exactly = (x: Exact): Expected => ({ ...x, magnitude: x.values.map(Math.abs) });

/** A tensor that the file holds for a key, at the module or below its `base_layer`. */
const whole = (params: Params, key: string): Exact | undefined =>
  ['', '.base_layer']
    .map((layer) => named(params, `${pre}${key.replace(/\.([^.]*)$/, `${layer}.$1`)}`))
    .find((x) => x !== undefined);

const isSaved = (c: LoraConfig, key: string): boolean =>
  c.modules_to_save?.some((name) => key.replace(/\.[^.]*$/, '').endsWith(name)) === true;

/** Embeddings that were saved with the adapter replace the base's before anything else happens to them. */
const started = (c: LoraConfig, spec: ModelSpec, key: string, W: Exact, params: Params): Exact =>
  key === `${spec.inputEmbedding}.weight` && !isSaved(c, key) ? (whole(params, key) ?? W) : W;

/** Biases and modules that stand for the whole tensor, then trained rows. */
const replaced = (c: LoraConfig, key: string, V: Expected, params: Params): Expected => {
  const value = isSaved(c, key) || key.endsWith('.bias') ? whole(params, key) : undefined;
  if (value !== undefined) return exactly(value);
  const delta = named(params, `${pre}${key.replace(/\.weight$/, '')}.token_adapter.trainable_tokens_delta`);
  if (delta === undefined || c.trainable_token_indices === null) return V;
  const given = c.trainable_token_indices;
  const rows = Array.isArray(given)
    ? (given as ReadonlyArray<number>)
    : (Object.values(given as Readonly<Record<string, ReadonlyArray<number>>>)[0] ?? []);
  const columns = V.shape[1] as number;
  const [values, magnitude] = [V.values.slice(), V.magnitude.slice()];
  rows.forEach((row, i) => {
    for (let k = 0; k < columns; k++) {
      values[row * columns + k] = at(delta, i * columns + k);
      magnitude[row * columns + k] = Math.abs(at(delta, i * columns + k));
    }
  });
  return { ...V, values, magnitude };
};

/** LoRA's merged tensors, and DoRA's. */
export const loraDefinition: Definition = (config, spec, params, key, W) => {
  const c = config as LoraConfig;
  const changed = usersOf(spec, key).reduce(
    (V, [m, param]) =>
      param === 'bias'
        ? bias(c, m, V, params)
        : m.kind === 'Parameters' || param === 'weight' || param === 'in_proj_weight'
          ? weight(c, m, param, V, spec, params)
          : V,
    exactly(started(c, spec, key, W, params)),
  );
  return replaced(c, key, changed, params);
};
