/**
 * Frozen random matrices that all layers of an adapter share: drawn from a seed, and in the file or not.
 */
import type { ModelSpec } from '../models/spec.js';
import { tensorOf } from '../ops/backend.js';
import { decodeFloats, encodeFloats } from '../ops/dtype.js';
import type { Shape, Tensor } from '../ops/tensor.js';
import type { TorchFloat } from '../ops/torch-random/index.js';
import type { LayoutContext } from './method.js';
import type { Features } from './module-layout.js';
import type { ParamSpec, Part } from './site.js';

/** What a draw depends on: a torch seed, the rank, the largest sizes among the targets, and the base's storage type. */
export interface Draw {
  readonly seed: number;
  readonly r: number;
  readonly out: number;
  readonly in: number;
  readonly dtype: TorchFloat;
}

/** The matrices of a method. */
export interface SharedProjections<D extends Draw = Draw> {
  /** Their names in the file. */
  readonly names: Readonly<Record<'A' | 'B', string>>;
  readonly shapes: (draw: D) => Readonly<Record<'A' | 'B', Shape>>;
  /** Their values, row-major. */
  readonly values: (draw: D) => Readonly<Record<'A' | 'B', Float32Array>>;
}

/** The storage type that config.json names. */
export const storageOf = ({ config }: ModelSpec): TorchFloat => {
  const dtype = config['dtype'] ?? config['torch_dtype'];
  return dtype === 'bfloat16' ? 'BF16' : dtype === 'float16' ? 'F16' : 'F32';
};

/** Values rounded to a storage type: PEFT moves the matrices to the base's type and back. */
export const throughStorage = (values: Float32Array, dtype: TorchFloat): Float32Array =>
  dtype === 'F32' ? values : decodeFloats(dtype, encodeFloats(dtype, values));

/** The draw that the targeted modules of a model ask for. */
export const drawFor = (spec: ModelSpec, seed: number, r: number, features: ReadonlyArray<Features>): Draw => ({
  seed,
  r,
  out: Math.max(1, ...features.map((f) => f.out)),
  in: Math.max(1, ...features.map((f) => f.in)),
  dtype: storageOf(spec),
});

/** A matrix as drawn. */
export const drawn = <D extends Draw>(shared: SharedProjections<D>, draw: D, role: 'A' | 'B'): Tensor =>
  tensorOf(shared.values(draw)[role], shared.shapes(draw)[role]);

const ignored = (save: boolean, has: LayoutContext['has'], { names }: SharedProjections<never>): boolean =>
  !save && has(names.A);

/**
 * Parts of layers that use the same matrices. The file holds them once, so they belong to the first part; with `save` false
 * they are optional, and ignored, as in PEFT.
 */
export const sharing = <D extends Draw, E>(
  shared: SharedProjections<D>,
  draw: D,
  save: boolean,
  has: LayoutContext['has'],
  parts: ReadonlyArray<Part<E>>,
): ReadonlyArray<Part<E>> => {
  const params: ReadonlyArray<ParamSpec> = (['A', 'B'] as const).map((role) => ({
    name: shared.names[role],
    shape: shared.shapes(draw)[role],
    trainable: false,
    optional: !save,
  }));
  const held = save || ignored(save, has, shared) ? params : [];
  return parts.map((part, i) => ({
    ...part,
    site: save ? { ...part.site, tensors: { ...part.site.tensors, ...shared.names } } : part.site,
    params: [...part.params, ...(i === 0 ? held : [])],
  }));
};

/** Says so where the file has matrices that the config does not want. */
export const ignoredWarnings = (
  save: boolean,
  has: LayoutContext['has'],
  shared: SharedProjections<never>,
): ReadonlyArray<string> =>
  ignored(save, has, shared)
    ? [
        'adapter_config.json: save_projection is false, so the projections in the file are not used; they are drawn from projection_prng_key',
      ]
    : [];
