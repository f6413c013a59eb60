/**
 * A model's module tree from its config.json and the names and shapes of its tensors.
 *
 * Known model types are rows of data (spec/decoders.ts, spec/encoders.ts); for any other type modules are told by the shapes of
 * their weights, and say so (`inferred`).
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import { recordOf, type Shape } from '../ops/tensor.js';
import { orProblems, problem, type Result } from '../problem.js';
import type { Architecture } from './spec/architecture.js';
import { decoders } from './spec/decoders.js';
import { encoders } from './spec/encoders.js';
import { storedParameters, type Stored } from './spec/keys.js';
import { moduleOf } from './spec/kinds.js';
import { tie, tieUnknown, type Tied } from './spec/ties.js';
import { treeOf } from './spec/tree.js';
import type { ModelSpec } from './spec.js';

export { specFromModules } from './spec/modules-json.js';
export { replicateLayers, type LayerRange, type Replicated } from './spec/replicate.js';
export { untie } from './spec/ties.js';

/** Shapes by the names that the file has; of a map's values only `shape` is read. */
export type Tensors = ReadonlyMap<string, { readonly shape: Shape }> | Readonly<Record<string, Shape>>;

/** The row of a model type, if it is a known one. */
export const architectureOf = (modelType: string | undefined): Architecture | undefined =>
  [decoders, encoders].flatMap((rows) =>
    modelType !== undefined && Object.hasOwn(rows, modelType) ? [rows[modelType]] : [],
  )[0];

const entriesOf = (tensors: Tensors): ReadonlyArray<readonly [string, Shape]> =>
  tensors instanceof Map
    ? [...(tensors as ReadonlyMap<string, { readonly shape: Shape }>)].map(([key, { shape }]) => [key, shape] as const)
    : Object.keys(tensors).map((key) => [key, (tensors as Readonly<Record<string, Shape>>)[key] as Shape] as const);

/** The fields of config.json that say what the tree looks like. */
interface Fields {
  readonly modelType: string | undefined;
  readonly className: string | undefined;
  readonly tieWords: boolean | undefined;
}

/** A field that may be missing or null. */
const optional = <A>(
  config: Readonly<Record<string, unknown>>,
  name: string,
  codec: t.Type<A, unknown>,
): Result<A | undefined> => {
  const value = Object.hasOwn(config, name) ? (config[name] ?? undefined) : undefined;
  const ok = value === undefined || codec.is(value);
  return orProblems(
    ok ? [] : [problem(`config.json: ${name}`, codec.name, (JSON.stringify(value) ?? String(value)).slice(0, 80))],
    () => value as A | undefined,
  );
};

const fieldsOf = (config: Readonly<Record<string, unknown>>): Result<Fields> => {
  const modelType = optional(config, 'model_type', t.string);
  const classes = optional(config, 'architectures', t.array(t.string, 'a list of class names'));
  const tieWords = optional(config, 'tie_word_embeddings', t.boolean);
  const problems = [modelType, classes, tieWords].flatMap((r) => (E.isLeft(r) ? r.left : []));
  const value = <A>(r: Result<A>): A => (r as { readonly right: A }).right;
  return orProblems(problems, () => ({
    modelType: value(modelType),
    className: value(classes)?.[0],
    tieWords: value(tieWords),
  }));
};

/** Input embeddings of unknown types, by name. */
const INPUTS = /(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|shared)$/;

/** Output embeddings of unknown types. */
const OUTPUTS = ['lm_head', 'embed_out', 'output', 'proj_out'];

const withTies = (
  arch: Architecture | undefined,
  { className, tieWords }: Fields,
  stored: ReadonlyArray<Stored>,
): Tied =>
  arch === undefined
    ? tieUnknown(className, tieWords, INPUTS, stored)
    : tie(arch, className, tieWords ?? arch.tied, stored);

/**
 * The spec of a checkpoint: every module that owns a parameter, the containers above them, ties, embeddings, and the names that
 * the file has for the parameters. Tensors that are no parameters (buffers, heads of other classes) are left out. `as` stands
 * for `architectures[0]` where another class is meant.
 *
 * Problems: fields of config.json of another type, no tensors, names or shapes that cannot be, two tensors for one parameter.
 */
export const specOf = (config: Readonly<Record<string, unknown>>, tensors: Tensors, as?: string): Result<ModelSpec> =>
  F.pipe(
    E.Do,
    E.bind('fields', () => E.Functor.map(fieldsOf(config), (f) => (as === undefined ? f : { ...f, className: as }))),
    E.bind('stored', ({ fields }) =>
      storedParameters(architectureOf(fields.modelType), fields.className, entriesOf(tensors)),
    ),
    E.map(({ fields, stored }) => {
      const arch = architectureOf(fields.modelType);
      const { parameters, ties, output } = withTies(arch, fields, stored);
      const tree = treeOf(
        parameters.map(({ key, shape }) => [key, shape] as const),
        arch?.order ?? [],
      );
      const modules = tree.map(({ name, params }) => moduleOf(arch, name, params));
      const names = modules.map((m) => m.name);
      const aliases = new Set(ties.map(([alias]) => alias));
      const isInput = (name: string): boolean =>
        arch === undefined ? INPUTS.test(name) : name === arch.input || name.endsWith(`.${arch.input}`);
      return {
        modelType: fields.modelType,
        className: fields.className,
        modules,
        ties,
        inputEmbedding: names.find(isInput),
        outputEmbedding: output ?? (arch === undefined ? OUTPUTS.find((name) => names.includes(name)) : undefined),
        fileKeys: recordOf(
          parameters.filter((p) => p.key !== p.fileKey && !aliases.has(p.key)).map((p) => [p.key, p.fileKey] as const),
        ),
        config,
      };
    }),
  );
