/**
 * From an adapter folder's two files to a checked adapter value.
 */
import { E, F } from '../fp.js';
import type { RawTensor } from '../io/safetensors/write.js';
import type { ModelSpec } from '../models/spec.js';
import { decodeFloats, isFloat } from '../ops/dtype.js';
import { tensorOf } from '../ops/backend.js';
import { recordOf, sameShape, showShape } from '../ops/tensor.js';
import { orProblems, problem, unsupported, type Problem, type Result } from '../problem.js';
import type { Leaf } from './adapter.js';
import { configRecord, decodeConfig, type BaseConfig } from './config.js';
import { makeLeaf } from './leaf.js';
import type { Method } from './method.js';
import { registry } from './registry.js';
import type { Layout, ParamSpec } from './site.js';

/** An adapter folder in memory; untrusted. */
export interface AdapterFiles {
  /** adapter_config.json as parsed. */
  readonly config: unknown;
  /** Paths of the numbers that adapter_config.json spells as floats, where they are known. */
  readonly floats?: ReadonlySet<string>;
  /** The tensors of adapter_model.safetensors. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** A checked adapter and what is worth telling about it. */
export interface DecodedAdapter {
  readonly adapter: Leaf;
  readonly warnings: ReadonlyArray<string>;
}

const methodOf = (type: string): Result<Method> => {
  const method = registry[type];
  return method === undefined
    ? E.left([
        unsupported(
          'adapter_config.json: peft_type',
          type,
          `Methods of this version: ${Object.keys(registry).join(', ')}.`,
        ),
      ])
    : E.right(method);
};

const file = 'adapter_model.safetensors';

const nameProblems = (
  params: ReadonlyArray<ParamSpec>,
  tensors: ReadonlyMap<string, unknown>,
): ReadonlyArray<Problem> => {
  const expected = new Set(params.map((p) => p.name));
  const missing = params.filter((p) => !p.optional && !tensors.has(p.name));
  const extra = [...tensors.keys()].filter((name) => !expected.has(name));
  return [
    ...missing.map((p) =>
      problem(
        `${file}: ${p.name}`,
        `a tensor ${showShape(p.shape)}`,
        'no such tensor',
        'The config targets this module; is the file complete, and is this the right base model?',
      ),
    ),
    ...extra.map((name) =>
      problem(
        `${file}: ${name}`,
        'only tensors that the config asks for',
        'a tensor that belongs to nothing',
        'Does target_modules name this module, and is this the right base model?',
      ),
    ),
  ];
};

const tensorProblems = (p: ParamSpec, stored: RawTensor): ReadonlyArray<Problem> => [
  ...(sameShape(stored.shape, p.shape)
    ? []
    : [
        problem(
          `${file}: ${p.name}`,
          showShape(p.shape),
          showShape(stored.shape),
          'The shape follows from the config (rank, rank_pattern) and the base model; one of them is not the one this adapter was trained with.',
        ),
      ]),
  ...(isFloat(stored.dtype) ? [] : [problem(`${file}: ${p.name}`, 'a floating point tensor', stored.dtype)]),
];

const nonFinite = (name: string, values: Float32Array): ReadonlyArray<Problem> => {
  const i = values.findIndex((v) => !Number.isFinite(v));
  return i < 0
    ? []
    : [
        problem(
          `${file}: ${name}`,
          'finite numbers',
          `${values[i]} at element ${i}`,
          'The adapter seems to be broken; merging it would break the model.',
        ),
      ];
};

/** Values of the tensors that the layout asks for, or every problem with them. */
const readParams = (
  layout: Layout,
  tensors: ReadonlyMap<string, RawTensor>,
): Result<ReadonlyArray<readonly [string, RawTensor, Float32Array]>> => {
  const there = layout.params.flatMap((p) => {
    const stored = tensors.get(p.name);
    return stored === undefined ? [] : [[p, stored] as const];
  });
  const shapes = there.flatMap(([p, stored]) => tensorProblems(p, stored));
  const names = nameProblems(layout.params, tensors);
  if (shapes.length + names.length > 0) return orProblems([...names, ...shapes], () => []);
  const values = there.map(([p, stored]) => [p.name, stored, decodeFloats(stored.dtype, stored.bytes)] as const);
  return orProblems(
    values.flatMap(([name, , v]) => nonFinite(name, v)),
    () => values,
  );
};

/**
 * Checks an adapter's files against a base model and makes an adapter of them.
 *
 * Errors, all at once where one does not hide the next: an unknown or unfinished method, fields of the wrong type,
 * targets that match nothing, missing or extra tensors, wrong shapes, non-finite numbers.
 *
 * @param files the two files of the adapter's folder
 * @param base the module tree of the base model
 */
export const decodeAdapter = (files: AdapterFiles, base: ModelSpec): Result<DecodedAdapter> =>
  F.pipe(
    E.Do,
    E.bind('json', () => configRecord(files.config)),
    E.bind('method', ({ json }) => methodOf(json['peft_type'] as string)),
    E.bind('decoded', ({ json, method }) => decodeConfig(method.fields, json, files.floats)),
    E.bind('config', ({ method, decoded }): Result<BaseConfig> => method.validate(decoded.config)),
    E.bind('tree', ({ method, config }) => method.restructure(config, base)),
    E.bind('layout', ({ method, config, tree }) =>
      method.layout(config, { spec: tree.spec, has: (name) => files.tensors.has(name) }),
    ),
    E.bind('read', ({ layout }) => readParams(layout, files.tensors)),
    E.map(({ method, decoded, config, tree, layout, read }) => ({
      adapter: makeLeaf({
        method,
        config,
        ...tree,
        layout,
        params: recordOf(read.map(([name, { shape }, values]) => [name, tensorOf(values, shape)] as const)),
        dtypes: recordOf(read.map(([name, { dtype }]) => [name, dtype] as const)),
      }),
      warnings: [...decoded.warnings, ...layout.warnings],
    })),
  );
