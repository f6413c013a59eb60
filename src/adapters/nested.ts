/**
 * Adapters inside an adapter (X-LoRA's experts): their files beside its own, and all their tensors in one record.
 *
 * In memory an inner tensor is named `<name of the inner adapter>/<its name in its own file>`.
 */
import { E, F } from '../fp.js';
import type { RawTensor } from '../io/safetensors/write.js';
import { recordOf } from '../ops/tensor.js';
import { fail, type Problem, type Result } from '../problem.js';
import type { AdapterFiles } from './adapter-files.js';
import type { Leaf } from './adapter.js';
import { decodeConfig, show, type BaseConfig } from './config.js';
import { makeLeaf } from './leaf.js';
import type { LayoutContext, Method } from './method.js';
import type { Layout } from './site.js';

/** An inner adapter as a decoded config holds it: the folder that the file names, and its own config where it was read. */
export interface NestedConfig {
  readonly path: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Paths of the numbers that its file spells as floats, where they are known. */
  readonly floats?: ReadonlyArray<string>;
}

/** An inner adapter's tensor, by the name that the adapter around it has for it. */
export const nestedName = (adapter: string, tensor: string): string => `${adapter}/${tensor}`;

/** Problems of what is inside an adapter, an adapter or a model, marked with its name. */
export const nestedProblems = <A>(name: string, result: Result<A>): Result<A> =>
  E.mapLeft((problems: ReadonlyArray<Problem>) => problems.map((p) => ({ ...p, at: `${name}/${p.at}` })))(
    result,
  ) as Result<A>;

/** A config with the inner configs in it, where their files were read. */
export const withNested = (
  method: Method,
  json: Readonly<Record<string, unknown>>,
  files: AdapterFiles['nested'],
): Readonly<Record<string, unknown>> => {
  if (method.nested === undefined || files === undefined) return json;
  const configs = namedIn(method, json).map(([name, path]) => {
    const found = files.get(name);
    const floats = found?.floats === undefined ? {} : { floats: [...found.floats] };
    return [name, found === undefined ? path : { path, fields: found.config, ...floats }] as const;
  });
  return configs.length === 0 ? json : { ...json, [method.nested.field]: recordOf(configs) };
};

/** The path that a parsed config gives of a model whose tensors the adapter holds; nothing where it names none. */
export const modelPath = (method: Method | undefined, json: unknown): string | undefined => {
  const value =
    method?.model === undefined ? undefined : (json as Readonly<Record<string, unknown>>)[method.model.field];
  return typeof value === 'string' && value !== method?.model?.none ? value : undefined;
};

/** A config with the config.json of that model in it, where it was read. */
export const withModel = (
  method: Method,
  json: Readonly<Record<string, unknown>>,
  model: unknown,
): Readonly<Record<string, unknown>> => {
  const path = modelPath(method, json);
  return path === undefined || method.model === undefined || model === undefined
    ? json
    : { ...json, [method.model.field]: { path, config: model } };
};

/** The tensors of an adapter's files and of those inside it. */
export const allTensors = ({ tensors, nested }: AdapterFiles): ReadonlyMap<string, RawTensor> =>
  nested === undefined
    ? tensors
    : new Map([
        ...tensors,
        ...[...nested].flatMap(([adapter, files]) =>
          [...files.tensors].map(([name, tensor]) => [nestedName(adapter, name), tensor] as const),
        ),
      ]);

/** What a config, parsed or decoded, says of inner adapters, by name. */
const namedIn = (method: Method | undefined, config: unknown): ReadonlyArray<readonly [string, unknown]> => {
  const named =
    method?.nested === undefined ? undefined : (config as Readonly<Record<string, unknown>>)[method.nested.field];
  return typeof named === 'object' && named !== null ? Object.entries(named) : [];
};

/** The names of a leaf's inner adapters. */
export const nestedNames = ({ method, config }: Leaf): ReadonlyArray<string> =>
  namedIn(method, config).map(([name]) => name);

/** The folders of the inner adapters that a parsed config names, by name; those that are no texts are left to the codec. */
export const nestedFolders = (method: Method | undefined, json: unknown): ReadonlyArray<readonly [string, string]> =>
  namedIn(method, json).filter((entry): entry is [string, string] => typeof entry[1] === 'string');

/** The entries of a record that belong to an inner adapter, under their own names. */
const inside = <A>(adapter: string, record: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  recordOf(
    Object.entries(record)
      .filter(([name]) => name.startsWith(nestedName(adapter, '')))
      .map(([name, value]) => [name.slice(nestedName(adapter, '').length), value] as const),
  );

/** An inner adapter's config, read by its method. */
export const innerConfig = (method: Method, { path, fields, floats }: NestedConfig): Result<BaseConfig> => {
  if (fields === undefined)
    return fail('adapter_config.json', `the files of a ${method.peftType} adapter`, `its path alone, ${show(path)}`);
  const type = fields['peft_type'] ?? method.peftType;
  if (type !== method.peftType) return fail('adapter_config.json: peft_type', method.peftType, show(type));
  return F.pipe(
    decodeConfig(method.fields, { ...fields, peft_type: type }, floats === undefined ? undefined : new Set(floats)),
    E.chain(({ config }) => method.validate(config) as Result<BaseConfig>),
  );
};

/** Where an inner adapter acts; names are those of its own file. */
export const innerLayout = (
  method: Method,
  adapter: string,
  config: BaseConfig,
  { spec, has, shapeOf }: LayoutContext,
): Result<Layout> =>
  method.layout(config, {
    spec,
    targets: method.targets,
    has: (name) => has(nestedName(adapter, name)),
    ...(shapeOf === undefined ? {} : { shapeOf: (name) => shapeOf(nestedName(adapter, name)) }),
  });

const innerLeaf = (leaf: Leaf, method: Method, adapter: string, given: NestedConfig): Result<Leaf> =>
  F.pipe(
    E.Do,
    E.bind('config', () => innerConfig(method, given)),
    E.bind('layout', ({ config }) =>
      innerLayout(method, adapter, config, {
        ...leaf,
        targets: undefined,
        has: (name) => Object.hasOwn(leaf.params, name),
      }),
    ),
    E.map(({ config, layout }) =>
      makeLeaf({
        method,
        config,
        spec: leaf.spec,
        change: undefined,
        layout,
        params: inside(adapter, leaf.params),
        dtypes: inside(adapter, leaf.dtypes),
      }),
    ),
  );

/** The inner adapters of a leaf by name, each as an adapter of its own; parameters are shared with the leaf. */
export const nestedLeaves = (leaf: Leaf): ReadonlyArray<readonly [adapter: string, leaf: Result<Leaf>]> => {
  const { nested } = leaf.method;
  return nested === undefined
    ? []
    : namedIn(leaf.method, leaf.config).map(([adapter, config]) => [
        adapter,
        nestedProblems(adapter, innerLeaf(leaf, nested.method, adapter, config as NestedConfig)),
      ]);
};

/** What the adapter's own file holds of a record by parameter. */
export const outside = <A>(
  { method, config }: Leaf,
  record: Readonly<Record<string, A>>,
): Readonly<Record<string, A>> => {
  const inner = namedIn(method, config).map(([adapter]) => nestedName(adapter, ''));
  return recordOf(Object.entries(record).filter(([name]) => !inner.some((prefix) => name.startsWith(prefix))));
};
