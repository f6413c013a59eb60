/**
 * A model's module tree as data: what PEFT learns from `named_modules()`, without a model in memory.
 */
import type { Shape } from '../ops/tensor.js';

/** What a module computes, as far as adapters care. `Conv1D` is GPT-2's linear layer whose weight is stored (in, out). */
export type ModuleKind =
  | 'Linear'
  | 'Conv1D'
  | 'Conv1d'
  | 'Conv2d'
  | 'Conv3d'
  | 'Embedding'
  | 'LayerNorm'
  | 'RMSNorm'
  | 'MultiheadAttention'
  | 'Parameters'
  | 'Other';

/** Geometry of a convolution, one entry an axis, in torch's terms. */
export interface ConvGeometry {
  readonly kernel: Shape;
  readonly stride: Shape;
  readonly padding: Shape;
  readonly dilation: Shape;
  readonly groups: number;
}

/** One module of the tree. */
export interface ModuleSpec {
  /** Dotted path; the root is the empty string. */
  readonly name: string;
  readonly kind: ModuleKind;
  /** Shapes of the module's own parameters in storage layout, by parameter name (`weight`, `bias`, `in_proj_weight`, ...). */
  readonly params: Readonly<Record<string, Shape>>;
  readonly conv?: ConvGeometry;
  /** Attention heads of a `MultiheadAttention`. */
  readonly heads?: number;
  /** `Parameters` whose expert matrices are stored (expert, in, out), as GPT-OSS does. */
  readonly transposed?: boolean;
  /** The kind was guessed from shapes: the model type is not a known one. */
  readonly inferred?: boolean;
}

/** The module tree, in `named_modules()` order, and what ties parameters together. */
export interface ModelSpec {
  /** `model_type` of config.json. */
  readonly modelType: string | undefined;
  /** Class name of the model, for `auto_mapping` in adapter_config.json. */
  readonly className: string | undefined;
  readonly modules: ReadonlyArray<ModuleSpec>;
  /** Tied parameters as (alias, owner); only the owner is stored. */
  readonly ties: ReadonlyArray<readonly [alias: string, owner: string]>;
  readonly inputEmbedding: string | undefined;
  readonly outputEmbedding: string | undefined;
  /** Parameter key to the name it has in the checkpoint file, where they differ. */
  readonly fileKeys: Readonly<Record<string, string>>;
  /** config.json as read. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Key of a parameter: `model.norm.weight`; a parameter of the root has no dot before it. */
export const paramKey = (module: string, param: string): string => (module === '' ? param : `${module}.${param}`);

/** Every stored parameter with its shape; tied aliases are left out. */
export const parameters = (spec: ModelSpec): ReadonlyArray<readonly [key: string, shape: Shape]> => {
  const aliases = new Set(spec.ties.map(([alias]) => alias));
  return spec.modules.flatMap((m) =>
    Object.keys(m.params)
      .map((p) => [paramKey(m.name, p), m.params[p] as Shape] as const)
      .filter(([key]) => !aliases.has(key)),
  );
};

/** The stored key behind a key: the owner of a tied alias, otherwise the key itself. */
export const ownerOf = (spec: ModelSpec, key: string): string => spec.ties.find(([alias]) => alias === key)?.[1] ?? key;

/** The name a key has in the checkpoint file. */
export const fileKeyOf = (spec: ModelSpec, key: string): string =>
  Object.hasOwn(spec.fileKeys, key) ? (spec.fileKeys[key] as string) : key;
