/**
 * Adapters as they lie in files, always trained: every tensor that a layout asks for, with random values.
 */
import * as fc from 'fast-check';
import { modelPrefix } from '../../adapters/auxiliary.js';
import { decodeConfig, type BaseConfig } from '../../adapters/config.js';
import { encodeIndices } from '../../adapters/indices.js';
import type { Restructured } from '../../adapters/method.js';
import type { Layout, ParamSpec } from '../../adapters/site.js';
import type { Algebra } from '../../adapters/updates/traits.js';
import { E, F } from '../../fp.js';
import type { RawTensor } from '../../io/safetensors/write.js';
import type { ModelSpec } from '../../models/spec.js';
import { encodeFloats, type DType } from '../../ops/dtype.js';
import { sizeOf } from '../../ops/tensor.js';
import { torchGenerator, torchRandperm } from '../../ops/torch-random/index.js';
import { renderProblems, type Result } from '../../problem.js';
import { noLessLawful } from '../law.js';
import type { MethodArbitrary } from './methods.js';
import { seed } from './dimensions.js';
import { drawValues } from './values.js';

/** An adapter in its file, and what its config says about a model. */
export interface AdapterData {
  readonly from: MethodArbitrary;
  /** adapter_config.json's fields in PEFT's names. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly config: BaseConfig;
  readonly tree: Restructured;
  readonly layout: Layout;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** What a config comes to on a model. */
export type Fitted = Pick<AdapterData, 'json' | 'config' | 'tree' | 'layout'>;

/** Reads a config against a model: every problem, or where its adapter acts. */
export const fit = (
  { method }: MethodArbitrary,
  fields: Readonly<Record<string, unknown>>,
  base: ModelSpec,
  has: (name: string) => boolean = () => false,
): Result<Fitted> => {
  const json = { ...fields, peft_type: method.peftType };
  return F.pipe(
    E.Do,
    E.bind('decoded', () => decodeConfig(method.fields, json)),
    E.bind('config', ({ decoded }): Result<BaseConfig> => method.validate(decoded.config)),
    E.bind('tree', ({ config }) => method.restructure(config, base)),
    E.bind('layout', ({ config, tree }) => method.layout(config, { spec: tree.spec, targets: method.targets, has })),
    E.map(({ config, tree, layout }) => ({ json, config, tree, layout: layout as Layout })),
  );
};

/** The config on the model; the method's plain one where the config does not fit it after all. */
const fitted = (
  from: MethodArbitrary,
  fields: Readonly<Record<string, unknown>>,
  base: ModelSpec,
  atMost: Algebra,
  has: (name: string) => boolean,
): Fitted => {
  const first = fit(from, fields, base, has);
  const fits = E.isRight(first) && noLessLawful(first.right.layout.algebra, atMost);
  const result = fits ? first : fit(from, from.plain, base);
  if (E.isLeft(result)) throw new TypeError(`${from.method.peftType}: ${renderProblems(result.left)}`);
  return result.right;
};

/** Storage types of adapters. */
const storage = fc.constantFrom<DType>('F32', 'F32', 'F16', 'BF16');

/** How the numbers of an adapter are drawn. */
export interface DrawOptions {
  /** Leaves subnormals out. */
  readonly normal?: boolean;
}

/** Places in a tensor in a random order, distinct unless they may repeat. */
const drawPlaces = (start: number, { shape, into = [], repeats = false }: ParamSpec): RawTensor => {
  if (repeats) {
    const value = (i: number): number => (start + i * 7919) % (into[0] as number);
    return encodeIndices('I32', { shape, values: Int32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)) });
  }
  const n = into.length === 1 ? sizeOf(shape) : (shape[1] as number);
  const places = torchRandperm(torchGenerator(start), sizeOf(into), n);
  const below = into.map((_, axis) => sizeOf(into.slice(axis + 1)));
  const values = below.flatMap((size, axis) =>
    Array.from(places, (place) => Math.floor(place / size) % (into[axis] as number)),
  );
  return encodeIndices('I32', { shape, values: Int32Array.from(values) });
};

const rawTensors = (
  layout: Layout,
  dtype: DType,
  start: number,
  options: DrawOptions,
): ReadonlyMap<string, RawTensor> =>
  new Map(
    layout.params.map((param, i) => {
      // a second name of a tensor has the values of the first
      const source = param.copyOf === undefined ? i : layout.params.findIndex((p) => p.name === param.copyOf);
      const drawn = (start + source * 7919) % 2 ** 31;
      const { name, shape } = param;
      if (param.into !== undefined) return [name, drawPlaces(drawn, param)] as const;
      const values = drawValues({ seed: drawn, scale: 0.5, ...options }, sizeOf(shape));
      return [name, { dtype, shape, bytes: encodeFloats(dtype, values) }] as const;
    }),
  );

/** The input embedding as PEFT saves it beside an adapter, below `base_layer` where it is adapted itself. */
const isEmbedding = (spec: ModelSpec, name: string): boolean =>
  ['', '.base_layer'].some((layer) => name === `${modelPrefix}${spec.inputEmbedding}${layer}.weight`);

/**
 * Trained adapters of a method for a model.
 *
 * Some hold copies of the embeddings, as PEFT saves them when the vocabulary was resized.
 */
export const adapterData = (
  from: MethodArbitrary,
  base: ModelSpec,
  atMost: Algebra,
  options: DrawOptions = {},
): fc.Arbitrary<AdapterData> =>
  fc
    .record({
      fields: from.config(base, atMost),
      dtype: storage,
      start: seed,
      embeddings: atMost === 'additive' ? fc.constant(false) : fc.nat(7).map((n) => n === 0),
    })
    .map(({ fields, dtype, start, embeddings }) => {
      const result = fitted(from, fields, base, atMost, (name) => embeddings && isEmbedding(base, name));
      return { from, ...result, tensors: rawTensors(result.layout, dtype, start, options) };
    });
