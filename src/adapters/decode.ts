/**
 * From an adapter folder's two files to a checked adapter value.
 */
import * as t from 'io-ts';
import { E, F } from '../fp.js';
import type { RawTensor } from '../io/safetensors/write.js';
import type { ModelSpec } from '../models/spec.js';
import { decodeFloats, isFloat } from '../ops/dtype.js';
import { tensorFrom, tensorOf } from '../ops/backend.js';
import { recordOf, sameShape, showShape, sizeOf } from '../ops/tensor.js';
import { all, fail, orProblems, problem, unsupported, type Problem, type Result } from '../problem.js';
import type { AdapterFiles } from './adapter-files.js';
import type { Leaf } from './adapter.js';
import { decodeConfig, show, type BaseConfig } from './config.js';
import { decodeIndices, type Indices } from './indices.js';
import { makeLeaf, type LeafParts } from './leaf.js';
import type { Method } from './method.js';
import { allTensors, withModel, withNested } from './nested.js';
import { peftTypes, registry } from './registry.js';
import type { Layout, ParamSpec } from './site.js';

export type { AdapterFiles } from './adapter-files.js';

/** A checked adapter and what is worth telling about it. */
export interface DecodedAdapter {
  readonly adapter: Leaf;
  readonly warnings: ReadonlyArray<string>;
}

/** Checks that a parsed file is a config at all: an object whose `peft_type` PEFT knows. */
export const configRecord = (json: unknown): Result<Readonly<Record<string, unknown>>> => {
  if (!t.UnknownRecord.is(json)) return fail('adapter_config.json', 'a JSON object', show(json));
  const type = json['peft_type'];
  return typeof type === 'string' && (Object.hasOwn(registry, type) || peftTypes.includes(type))
    ? E.right(json)
    : fail(
        'adapter_config.json: peft_type',
        `one of ${peftTypes.join(', ')}`,
        type === undefined ? 'no such field' : show(type),
        'Is this the folder of a PEFT adapter?',
      );
};

/** The method that a parsed config names; `undefined` where it names none that Weft has. */
export const methodIn = (json: unknown): Method | undefined => {
  const type = t.UnknownRecord.is(json) ? json['peft_type'] : undefined;
  return typeof type === 'string' && Object.hasOwn(registry, type) ? registry[type] : undefined;
};

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
        p.hint ?? 'The config targets this module; is the file complete, and is this the right base model?',
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
  ...(isFloat(stored.dtype) || p.into !== undefined
    ? []
    : [problem(`${file}: ${p.name}`, 'a floating point tensor', stored.dtype)]),
];

/** Whether all are finite: exactly then is their sum, which float64 has room for. Four sums in turn, since each waits for itself. */
const areFinite = (values: Float32Array): boolean => {
  let [s, t, u, v] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s += values[i] as number;
    t += values[i + 1] as number;
    u += values[i + 2] as number;
    v += values[i + 3] as number;
  }
  for (let i = whole; i < values.length; i++) s += values[i] as number;
  return Number.isFinite(s + t + u + v);
};

const nonFinite = (name: string, values: Float32Array): ReadonlyArray<Problem> => {
  if (areFinite(values)) return [];
  const i = values.findIndex((value) => !Number.isFinite(value));
  return [
    problem(
      `${file}: ${name}`,
      'finite numbers',
      `${values[i]} at element ${i}`,
      'The adapter seems to be broken; merging it would break the model.',
    ),
  ];
};

/** A tensor of the file: its numbers, or integers that stay on the host. */
interface Read {
  readonly param: ParamSpec;
  readonly stored: RawTensor;
  readonly value: ((place?: Float32Array) => Float32Array) | Indices;
}

const isIndices = (value: Read['value']): value is Indices => typeof value !== 'function';

const readParam = (param: ParamSpec, stored: RawTensor, place: (n: number) => Float32Array): Result<Read> => {
  if (param.into !== undefined)
    return E.map((value: Indices): Read => ({ param, stored, value }))(
      decodeIndices(`${file}: ${param.name}`, param, stored),
    );
  if (stored.inFile === true) {
    const values = decodeFloats(stored.dtype, stored.bytes, place(sizeOf(stored.shape)));
    const again = (at?: Float32Array) => decodeFloats(stored.dtype, stored.bytes, at);
    return orProblems(nonFinite(param.name, values), () => ({ param, stored, value: again }));
  }
  const values = decodeFloats(stored.dtype, stored.bytes);
  return orProblems(nonFinite(param.name, values), () => ({ param, stored, value: () => values }));
};

const sameValues = (a: Float32Array, b: Float32Array): boolean => a === b || a.every((v, i) => v === b[i]);

/** Second names whose values are not those of the first. */
const copyProblems = (read: ReadonlyArray<Read>): ReadonlyArray<Problem> => {
  const values = new Map(read.map(({ param, value }) => [param.name, value]));
  return read.flatMap(({ param: p, value }) => {
    const first = p.copyOf === undefined ? value : values.get(p.copyOf);
    if (
      first === value ||
      isIndices(value) ||
      (first !== undefined && !isIndices(first) && sameValues(first(), value()))
    )
      return [];
    return [problem(`${file}: ${p.name}`, `the values of ${p.copyOf}`, 'others', 'Both belong to one tied parameter.')];
  });
};

/** The tensors of a file as a leaf keeps them. */
type LeafTensors = Pick<LeafParts, 'params' | 'dtypes'> & { readonly indices: Readonly<Record<string, Indices>> };

const leafTensors = (read: ReadonlyArray<Read>): LeafTensors => ({
  params: recordOf(
    read.flatMap(({ param: p, stored: { shape, inFile }, value }) =>
      isIndices(value) || p.copyOf !== undefined
        ? []
        : [[p.name, inFile === true ? tensorFrom(value, shape) : tensorOf(value(), shape)] as const],
    ),
  ),
  indices: recordOf(read.flatMap(({ param, value }) => (isIndices(value) ? [[param.name, value] as const] : []))),
  dtypes: recordOf(read.map(({ param, stored }) => [param.name, stored.dtype] as const)),
});

/**
 * The tensors that a layout asks for, or every problem with them.
 *
 * @returns parameters that the caller owns, integers as plain data, and the dtype of every tensor
 */
export const decodeTensors = (layout: Layout, tensors: ReadonlyMap<string, RawTensor>): Result<LeafTensors> => {
  const there = layout.params.flatMap((p) => {
    const stored = tensors.get(p.name);
    return stored === undefined ? [] : [[p, stored] as const];
  });
  const shapes = there.flatMap(([p, stored]) => tensorProblems(p, stored));
  let checked = new Float32Array();
  const place = (n: number): Float32Array => {
    if (checked.length < n) checked = new Float32Array(n);
    return checked.subarray(0, n);
  };
  const names = nameProblems(layout.params, tensors);
  return F.pipe(
    orProblems([...names, ...shapes], () => there),
    E.chain((found) => all(found.map(([p, stored]) => readParam(p, stored, place)))),
    E.chain((read) => orProblems(copyProblems(read), () => leafTensors(read))),
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
    E.bind('record', () => configRecord(files.config)),
    E.bind('method', ({ record }) => methodOf(record['peft_type'] as string)),
    E.let('json', ({ record, method }) => withModel(method, withNested(method, record, files.nested), files.model)),
    E.let('stored', () => allTensors(files)),
    E.bind('decoded', ({ json, method }) => decodeConfig(method.fields, json, files.floats)),
    E.bind('config', ({ method, decoded }): Result<BaseConfig> => method.validate(decoded.config)),
    E.bind('tree', ({ method, config }) => method.restructure(config, base)),
    E.bind('layout', ({ method, config, tree, stored }) =>
      method.layout(config, {
        spec: tree.spec,
        targets: method.targets,
        has: (name) => stored.has(name),
        shapeOf: (name) => stored.get(name)?.shape,
      }),
    ),
    E.bind('tensors', ({ layout, stored }) => decodeTensors(layout, stored)),
    E.map(({ method, decoded, config, tree, layout, tensors }) => ({
      adapter: makeLeaf({ method, config, ...tree, layout, ...tensors }),
      warnings: [...decoded.warnings, ...layout.warnings],
    })),
  );
