/**
 * What a PEFT checkpoint may hold beside its method's own tensors: whole modules, biases, embeddings, token rows.
 */
import { E } from '../fp.js';
import { lookup, type Shape, type Tensor, type Weights } from '../ops/tensor.js';
import { tf } from '../ops/tf.js';
import { fail, type Result } from '../problem.js';
import { ownerOf, paramKey, type ModelSpec, type ModuleSpec } from '../models/spec.js';
import { partedConfig } from '../models/spec/ties.js';
import type { ParamSpec, Part, Site } from './site.js';
import { replace, replaceRows, type WeightUpdate } from './update.js';

/** The prefix of every tensor that sits in a wrapped model. */
export const modelPrefix = 'base_model.model.';

/** What an auxiliary tensor does to its parameter. */
export type AuxiliaryDetail =
  { readonly _tag: 'Value' } | { readonly _tag: 'Rows'; readonly rows: ReadonlyArray<number> };

/** Parts that set tensors instead of changing them. */
const replacing = {
  algebra: 'replacement',
  reason: 'it replaces tensors (modules_to_save, bias, trained tokens or saved embeddings) instead of adding to them',
} as const;

const aliasesOf = (spec: ModelSpec, key: string): ReadonlyArray<string> =>
  spec.ties.filter(([, owner]) => owner === key).map(([alias]) => alias);

/** The stored parameter behind a key, none for an alias: the owner's own site changes it. */
const storedBehind = (spec: ModelSpec, key: string): ReadonlyArray<string> =>
  spec.ties.some(([alias]) => alias === key) ? [] : [key];

const valuePart = (
  spec: ModelSpec,
  key: string,
  module: string,
  param: Omit<ParamSpec, 'shape'>,
  shape: Shape,
): Part<AuxiliaryDetail> => ({
  site: { key, stored: storedBehind(spec, key), module, tensors: { value: param.name }, detail: { _tag: 'Value' } },
  params: [{ ...param, shape }],
  ...replacing,
});

/** A trained copy of one parameter, under a name of its own in the file. */
export const copiedParameter = (
  spec: ModelSpec,
  key: string,
  module: string,
  name: string,
  shape: Shape,
): Part<AuxiliaryDetail> => valuePart(spec, key, module, { name, trainable: true, optional: false }, shape);

/** Full copies of modules (`modules_to_save`): every parameter at or below a saved module is replaced. */
export const savedModules = (
  spec: ModelSpec,
  saved: ReadonlyArray<ModuleSpec>,
  prefix = modelPrefix,
): ReadonlyArray<Part<AuxiliaryDetail>> => {
  const below = (name: string): boolean => saved.some((s) => name === s.name || name.startsWith(`${s.name}.`));
  return spec.modules
    .filter((m) => below(m.name))
    .flatMap((m) =>
      Object.entries(m.params).map(([p, shape]) => {
        const key = paramKey(m.name, p);
        return copiedParameter(spec, key, m.name, prefix + key, shape);
      }),
    );
};

/**
 * Trained biases (`bias`): of every module, or of the targeted ones only.
 *
 * A targeted module's bias lies below its `base_layer` in the file.
 */
export const savedBiases = (
  spec: ModelSpec,
  mode: 'none' | 'all' | 'only',
  targeted: ReadonlySet<string>,
  saved: ReadonlySet<string>,
): ReadonlyArray<Part<AuxiliaryDetail>> =>
  mode === 'none'
    ? []
    : spec.modules
        .filter((m) => m.params['bias'] !== undefined && (mode === 'all' || targeted.has(m.name)))
        .filter((m) => !saved.has(paramKey(m.name, 'bias')))
        .map((m) => {
          const name = `${modelPrefix}${m.name}${targeted.has(m.name) ? '.base_layer' : ''}.bias`;
          return copiedParameter(spec, paramKey(m.name, 'bias'), m.name, name, m.params['bias'] as Shape);
        });

/** With `bias: "all"` PEFT stores the biases of saved modules twice more, under its own names for both copies. */
export const idleBiases = (
  saved: ReadonlyArray<ModuleSpec>,
  has: (name: string) => boolean,
): ReadonlyArray<ParamSpec> =>
  saved.flatMap((m) =>
    ['modules_to_save', 'original_module']
      .map((copy) => `${modelPrefix}${m.name}.${copy}.bias`)
      .filter(has)
      .map((name) => ({ name, shape: m.params['bias'] ?? [], trainable: false, optional: true })),
  );

/**
 * Input and output embeddings that PEFT stored with the adapter because they were resized or targeted
 * (`save_embedding_layers`); they replace the base's before anything else acts on them.
 */
export const savedEmbeddings = (
  spec: ModelSpec,
  has: (name: string) => boolean,
  targeted: ReadonlySet<string>,
  saved: ReadonlySet<string>,
): ReadonlyArray<Part<AuxiliaryDetail>> =>
  spec.modules
    .filter((m) => m.name === spec.inputEmbedding || m.name === spec.outputEmbedding)
    .flatMap((m) => {
      const key = paramKey(m.name, 'weight');
      const name = `${modelPrefix}${m.name}${targeted.has(m.name) ? '.base_layer' : ''}.weight`;
      const shape = m.params['weight'];
      if (shape === undefined || saved.has(key) || !has(name)) return [];
      const own = valuePart(spec, key, m.name, { name, trainable: false, optional: true }, shape);
      const shared = aliasesOf(spec, key)
        .filter((alias) => !has(modelPrefix + alias))
        .map((alias) => ({ ...own, site: { ...own.site, key: alias, stored: [] }, params: [] }));
      return [own, ...shared];
    });

/** Rows of one embedding that are trained: the names of their tensor, one for each module that shares the weight. */
export interface TrainedRows {
  readonly module: ModuleSpec;
  readonly rows: ReadonlyArray<number>;
  /** The tensor's name in the file. */
  readonly name: string;
  /** Its second name for the module of an alias, where the file has one. */
  readonly aliasName?: (module: string) => string;
}

const moduleOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')));

/** Trained rows of an embedding, or of a head; every alias of the weight sees the same rows. */
export const trainedRows = (
  spec: ModelSpec,
  { module: m, rows, name, aliasName }: TrainedRows,
): ReadonlyArray<Part<AuxiliaryDetail>> => {
  const key = paramKey(m.name, 'weight');
  const site: Site<AuxiliaryDetail> = {
    key,
    stored: [ownerOf(spec, key)],
    module: m.name,
    tensors: { value: name },
    detail: { _tag: 'Rows', rows },
  };
  const param: ParamSpec = {
    name,
    shape: [rows.length, (m.params['weight'] ?? [0, 0])[1] as number],
    trainable: true,
    optional: false,
  };
  const copy = (alias: string): ReadonlyArray<ParamSpec> =>
    aliasName === undefined
      ? []
      : [{ ...param, name: aliasName(moduleOf(alias)), trainable: false, optional: true, copyOf: name }];
  return [
    { site, params: [param], ...replacing },
    ...aliasesOf(spec, key).map((alias) => ({
      site: { ...site, key: alias, stored: [] },
      params: copy(alias),
      ...replacing,
    })),
  ];
};

/** Trained rows beside another method (`trainable_token_indices`). */
export const savedRows = (
  spec: ModelSpec,
  embeddings: ReadonlyArray<readonly [module: ModuleSpec, rows: ReadonlyArray<number>]>,
): ReadonlyArray<Part<AuxiliaryDetail>> =>
  embeddings.flatMap(([module, rows]) =>
    trainedRows(spec, { module, rows, name: `${modelPrefix}${module.name}.token_adapter.trainable_tokens_delta` }),
  );

/** Whether a site is one of these rather than the method's own. */
export const isAuxiliary = (site: Site): site is Site<AuxiliaryDetail> => {
  const tag = (site.detail as { readonly _tag?: unknown } | undefined)?._tag;
  return tag === 'Value' || tag === 'Rows';
};

/** The update of an auxiliary site. */
export const auxiliaryUpdate = (
  site: Site<AuxiliaryDetail>,
  tensors: Readonly<Record<string, Tensor>>,
): WeightUpdate => {
  const value = lookup(tensors, 'value') as Tensor;
  return site.detail._tag === 'Value' ? replace(value) : replaceRows(site.detail.rows, value);
};

/**
 * The module tree once saved modules stop sharing: a tied parameter with a trained copy on either side is stored twice.
 *
 * @returns the untied spec and the stored key that each new key starts from
 */
export const untieSaved = (
  spec: ModelSpec,
  saved: ReadonlyArray<ModuleSpec>,
): { readonly spec: ModelSpec; readonly sources: Readonly<Record<string, string>> } => {
  const below = (key: string): boolean => saved.some((s) => key.startsWith(`${s.name}.`));
  const cut = spec.ties.filter(([alias, owner]) => below(alias) || below(owner));
  return {
    spec: {
      ...spec,
      ties: spec.ties.filter((tie) => !cut.includes(tie)),
      config: cut.length > 0 ? partedConfig(spec) : spec.config,
    },
    sources: Object.fromEntries(cut),
  };
};

/** Where an auxiliary site's training starts: at the base's own values. */
export const initAuxiliary = (
  site: Site<AuxiliaryDetail>,
  weights: Weights,
): Result<ReadonlyArray<readonly [name: string, value: Tensor]>> => {
  const [key] = site.stored;
  if (key === undefined) return E.right([]);
  const W = lookup(weights, key);
  if (W === undefined)
    return fail(`weights: ${key}`, 'the base parameter that a trained copy starts from', 'no such tensor');
  const { detail } = site;
  const value = detail._tag === 'Value' ? tf.clone(W) : tf.gather(W, tf.tensor1d([...detail.rows], 'int32'));
  return E.right([[site.tensors['value'] as string, value]]);
};
