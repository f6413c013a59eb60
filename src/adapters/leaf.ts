/**
 * Leaves: checked parameters of one method.
 */
import type { ModelSpec } from '../models/spec.js';
import type { DType } from '../ops/dtype.js';
import { recordOf, type Tensor, type Weights } from '../ops/tensor.js';
import type { Adapter, Leaf } from './adapter.js';
import type { BaseConfig } from './config.js';
import type { Indices } from './indices.js';
import type { Method } from './method.js';
import type { Layout } from './site.js';
import type { TreeChange } from './tree.js';
import { joinAlgebras, type Algebra } from './updates/traits.js';

/** What a leaf is made of. */
export interface LeafParts {
  readonly method: Method;
  readonly config: BaseConfig;
  readonly spec: ModelSpec;
  readonly change: TreeChange | undefined;
  readonly layout: Layout;
  readonly params: Weights;
  readonly indices?: Readonly<Record<string, Indices>>;
  readonly dtypes: Readonly<Record<string, DType>>;
}

/** Second names of parameters, those that the file has. */
const copiesOf = (layout: Layout, dtypes: LeafParts['dtypes']): Readonly<Record<string, string>> =>
  recordOf(
    layout.params.flatMap((p) =>
      p.copyOf !== undefined && Object.hasOwn(dtypes, p.name) ? [[p.name, p.copyOf] as const] : [],
    ),
  );

/** A leaf from checked parts; `dtypes` names every tensor of the file. */
export const makeLeaf = ({ layout, ...parts }: LeafParts): Leaf => ({
  _tag: 'Leaf',
  ...parts,
  indices: parts.indices ?? {},
  copies: copiesOf(layout, parts.dtypes),
  likePeft: false,
  algebra: joinAlgebras(parts.change === undefined ? [layout.algebra] : [layout.algebra, 'replacement']),
  reasons:
    parts.change === undefined || layout.reasons.length > 0
      ? layout.reasons
      : ['it changes the module tree (replicated layers, or a tie that is cut)'],
  sites: layout.sites,
  trainable: layout.params.filter((p) => p.trainable && Object.hasOwn(parts.params, p.name)).map((p) => p.name),
});

/**
 * The trainable parameters of an adapter as one flat record; those of the i-th leaf are under `i:` when there are several.
 */
export const trainable = (adapter: Adapter): Weights =>
  recordOf(
    leafPaths(adapter).flatMap(([path, leaf]) =>
      leaf.trainable.map((n) => [path + n, leaf.params[n] as Tensor] as const),
    ),
  );

/** The adapter with other values for its trainable parameters, named as by `trainable`; missing ones stay as they are. */
export const withTrainable = (adapter: Adapter, params: Weights): Adapter => {
  const counter = { i: 0, many: leafPaths(adapter).length > 1 };
  return mapLeaves(adapter, (leaf) => {
    const path = counter.many ? `${counter.i++}:` : '';
    const replaced = leaf.trainable.flatMap((n) =>
      Object.hasOwn(params, path + n) ? [[n, params[path + n] as Tensor] as const] : [],
    );
    return { ...leaf, params: recordOf([...Object.entries(leaf.params), ...replaced]) };
  });
};

const leafPaths = (adapter: Adapter): ReadonlyArray<readonly [string, Leaf]> => {
  const leaves: Leaf[] = [];
  mapLeaves(adapter, (leaf) => (leaves.push(leaf), leaf));
  return leaves.map((leaf, i) => [leaves.length > 1 ? `${i}:` : '', leaf] as const);
};

/** The adapter with every leaf replaced by f of it; f keeps the leaf's algebra. */
export const mapLeaves = <K extends Algebra>(adapter: Adapter<K>, f: (leaf: Leaf) => Leaf): Adapter<K> => {
  switch (adapter._tag) {
    case 'Identity':
      return adapter;
    case 'Leaf':
      return f(adapter) as Leaf<K>;
    case 'Compose':
      return { ...adapter, adapters: adapter.adapters.map((a) => mapLeaves(a, f)) };
    case 'Sum':
      return { ...adapter, adapters: adapter.adapters.map((a) => mapLeaves(a, f)) };
    case 'Scale':
      return { ...adapter, adapter: mapLeaves(adapter.adapter, f) };
    case 'Inverse':
      return { ...adapter, adapter: mapLeaves(adapter.adapter, f) };
    case 'Restrict':
      return { ...adapter, adapter: mapLeaves(adapter.adapter, f) };
  }
};
