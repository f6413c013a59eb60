/**
 * What a module is, from its name, its parameters and its model type.
 */
import type { ConvGeometry, ModuleKind, ModuleSpec } from '../spec.js';
import type { Shape } from '../../ops/tensor.js';
import type { Architecture } from './architecture.js';

type Params = Readonly<Record<string, Shape>>;

/** Names that embeddings have in models of an unknown type. */
const EMBEDDING =
  /^(wte|wpe|shared|emb(ed(ding)?s?)?|embed_(tokens|positions|in)|tok_embeddings|\w*_embeddings?|relative_attention_bias)$/;

const CONVS: Readonly<Record<number, ModuleKind>> = { 3: 'Conv1d', 4: 'Conv2d', 5: 'Conv3d' };

const only = (params: Params, names: ReadonlyArray<string>): boolean =>
  Object.keys(params).every((p) => names.includes(p));

const isNamedIn = (names: ReadonlyArray<string> | undefined, leaf: string): boolean => names?.includes(leaf) === true;

const matrixKind = (arch: Architecture | undefined, leaf: string, params: Params): ModuleKind => {
  if (isNamedIn(arch?.conv1d, leaf)) return 'Conv1D';
  const embedding =
    arch === undefined ? EMBEDDING.test(leaf) && params['bias'] === undefined : arch.embeddings.includes(leaf);
  return embedding ? 'Embedding' : 'Linear';
};

/** Kind of a module; unknown types go by rank: 2 linear or embedding, 3 to 5 convolution, 1 norm. */
const kindOf = (arch: Architecture | undefined, leaf: string, params: Params): ModuleKind => {
  const weight = params['weight'];
  if (Object.keys(params).length === 0) return 'Other';
  if (params['in_proj_weight'] !== undefined) return 'MultiheadAttention';
  if (weight === undefined || !only(params, ['weight', 'bias']) || isNamedIn(arch?.bare, leaf)) return 'Parameters';
  if (weight.length === 2) return matrixKind(arch, leaf, params);
  if (weight.length === 1) return arch?.norm ?? (params['bias'] === undefined ? 'RMSNorm' : 'LayerNorm');
  return CONVS[weight.length] ?? 'Parameters';
};

/** Geometry of a convolution; stored shapes tell the kernel, the model type the rest. */
const geometryOf = (arch: Architecture | undefined, leaf: string, weight: Shape): ConvGeometry => {
  const kernel = weight.slice(2);
  const known = arch?.convs?.[leaf];
  const each = (f: (size: number) => number): Shape => kernel.map(f);
  return {
    kernel,
    stride: each((size) => (known?.stride === 'kernel' ? size : (known?.stride ?? 1))),
    padding: each((size) => (known?.padding === 'causal' ? size - 1 : (known?.padding ?? 0))),
    dilation: each(() => 1),
    groups: known?.depthwise === true ? (weight[0] as number) : 1,
  };
};

/** A module as its name, parameters and model type tell it. */
export const moduleOf = (arch: Architecture | undefined, name: string, params: Params): ModuleSpec => {
  const leaf = name.slice(name.lastIndexOf('.') + 1);
  const kind = kindOf(arch, leaf, params);
  const weight = params['weight'];
  const conv = kind.startsWith('Conv') && kind !== 'Conv1D' && weight !== undefined;
  return {
    name,
    kind,
    params,
    ...(conv ? { conv: geometryOf(arch, leaf, weight) } : {}),
    ...(kind === 'Parameters' && isNamedIn(arch?.transposed, leaf) ? { transposed: true } : {}),
    ...(arch === undefined && kind !== 'Other' ? { inferred: true } : {}),
  };
};
