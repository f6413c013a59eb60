/**
 * Layer replication: a decoder whose layers are taken, in ranges, from another one's.
 */
import { E } from '../../fp.js';
import { fail, orProblems, problem, type Result } from '../../problem.js';
import { recordOf } from '../../ops/tensor.js';
import { fileKeyOf, parameters, paramKey, type ModelSpec, type ModuleSpec } from '../spec.js';

/** A replicated tree; `sources` names the stored parameter that each stored parameter of the new tree starts as. */
export interface Replicated {
  readonly spec: ModelSpec;
  readonly sources: Readonly<Record<string, string>>;
}

/** A range of layers: `start` up to but not with `end`. */
export type LayerRange = readonly [start: number, end: number];

/** The most layers that a replicated model may have. */
const MOST_LAYERS = 10_000;

const AT = 'adapter_config.json: layer_replication';

/** Path of the list of layers, where PEFT looks for it: below every `model`, then `bert`; `layers`, `encoder.layer` or `h`. */
const layersPath = (names: ReadonlySet<string>): string | undefined => {
  const join = (...parts: ReadonlyArray<string>): string => parts.filter((p) => p !== '').join('.');
  let at = '';
  while (names.has(join(at, 'model'))) at = join(at, 'model');
  if (names.has(join(at, 'bert'))) at = join(at, 'bert');
  return ['layers', 'encoder.layer', 'h'].map((p) => join(at, p)).find((p) => names.has(p));
};

/** Modules of one layer under the path of another. */
const moved = (modules: ReadonlyArray<ModuleSpec>, from: string, to: string): ReadonlyArray<ModuleSpec> =>
  modules
    .filter((m) => m.name === from || m.name.startsWith(`${from}.`))
    .map((m) => ({ ...m, name: `${to}${m.name.slice(from.length)}` }));

/**
 * The tree whose layers are those of `ranges` in order, as PEFT's `layer_replication` builds it; `num_hidden_layers` follows.
 * Problems: no list of layers where PEFT finds one, ranges that leave the model, no layer at all.
 */
export const replicateLayers = (spec: ModelSpec, ranges: ReadonlyArray<LayerRange>): Result<Replicated> => {
  const path = layersPath(new Set(spec.modules.map((m) => m.name)));
  if (path === undefined)
    return fail(
      AT,
      'a model whose layers are in layers, encoder.layer or h',
      spec.className ?? spec.modelType ?? 'another model',
    );
  const isLayer = (m: ModuleSpec): boolean => m.name.startsWith(`${path}.`);
  const count = new Set(spec.modules.filter(isLayer).map((m) => m.name.slice(path.length + 1).split('.')[0])).size;
  const outside = ranges.filter(([start, end]) => start < 0 || end > count);
  const total = ranges.reduce((n, [start, end]) => n + Math.max(0, end - start), 0);
  const problems = [
    ...outside.map((r) => problem(AT, `ranges of the ${count} layers`, `[${r.join(', ')}]`)),
    ...(outside.length > 0 || (total > 0 && total <= MOST_LAYERS)
      ? []
      : [problem(AT, `1 to ${MOST_LAYERS} layers in all`, String(total))]),
  ];
  const ready = orProblems(problems, () =>
    ranges.flatMap(([start, end]) => Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i)),
  );
  return E.isLeft(ready) ? ready : E.right(rebuild(spec, path, isLayer, ready.right));
};

/** Keys of the parameters at and below a module, without the module's path. */
const ownKeys = (spec: ModelSpec, at: string): ReadonlyArray<string> =>
  moved(spec.modules, at, at).flatMap((m) => Object.keys(m.params).map((p) => paramKey(m.name, p).slice(at.length)));

/** The file name of a copy: its own key, or the source's name with the copy's layer number where names differ from keys. */
const newFileKey = (spec: ModelSpec, source: string, key: string): string => {
  const fileKey = fileKeyOf(spec, source);
  if (fileKey === source) return key;
  const [from, to] = [source.split('.'), key.split('.')];
  const at = from.findIndex((part, i) => part !== to[i]);
  return at < 0 ? fileKey : fileKey.replace(`.${from[at]}.`, `.${to[at]}.`);
};

const rebuild = (
  spec: ModelSpec,
  path: string,
  isLayer: (m: ModuleSpec) => boolean,
  from: ReadonlyArray<number>,
): Replicated => {
  const layers = from.flatMap((layer, i) => moved(spec.modules, `${path}.${layer}`, `${path}.${i}`));
  const modules = spec.modules.flatMap((m) => (isLayer(m) ? [] : m.name === path ? [m, ...layers] : [m]));
  const origin = new Map<string, string>(
    from.flatMap((layer, i) =>
      ownKeys(spec, `${path}.${layer}`).map((key) => [`${path}.${i}${key}`, `${path}.${layer}${key}`] as const),
    ),
  );
  const counts = ['num_hidden_layers', 'n_layer'].filter((name) => Object.hasOwn(spec.config, name));
  const layerTypes: unknown = spec.config['layer_types'];
  const bare: ModelSpec = {
    ...spec,
    modules,
    config: {
      ...spec.config,
      ...Object.fromEntries(counts.map((n) => [n, from.length])),
      ...(Array.isArray(layerTypes) ? { layer_types: from.map((layer) => layerTypes[layer] as unknown) } : {}),
    },
  };
  const sources = recordOf(parameters(bare).map(([key]) => [key, origin.get(key) ?? key] as const));
  const fileKeys = recordOf(
    Object.keys(sources).flatMap((key) => {
      const fileKey = newFileKey(spec, sources[key] as string, key);
      return fileKey === key ? [] : [[key, fileKey] as const];
    }),
  );
  return { spec: { ...bare, fileKeys }, sources };
};
