/**
 * From adapters to weight updates: what an adapter does to one key.
 */
import { lookup, recordOf, type Tensor } from '../ops/tensor.js';
import type { ModelSpec } from '../models/spec.js';
import { leavesOf, type Adapter, type Leaf } from './adapter.js';
import { auxiliaryUpdate, isAuxiliary } from './auxiliary.js';
import type { Indices } from './indices.js';
import type { Reading, Routing } from './method.js';
import type { Site } from './site.js';
import { keysAfter, sourceIn } from './tree.js';
import { sequence, type WeightUpdate } from './update.js';
import { invertUpdate } from './updates/invert.js';
import { scaleUpdate } from './updates/scale.js';

export type { Reading } from './method.js';

const siteUpdate = (leaf: Leaf, site: Site, reading: Reading, routing: Routing | undefined): WeightUpdate => {
  const roles = Object.entries(site.tensors);
  const isIndex = ([, name]: readonly [string, string]): boolean => Object.hasOwn(leaf.indices, name);
  const indices = recordOf(
    roles.filter(isIndex).map(([role, name]) => [role, (leaf.indices[name] as Indices).values] as const),
  );
  const named = roles.filter((role) => !isIndex(role));
  const tensors = recordOf(
    named.map(([role, name]) => {
      const tensor = lookup(leaf.params, name);
      if (tensor === undefined)
        throw new TypeError(`adapter parameters: expected "${name}", found nothing under that name`);
      return [role, tensor] as readonly [string, Tensor];
    }),
  );
  return isAuxiliary(site)
    ? auxiliaryUpdate(site, tensors)
    : leaf.method.update(leaf.config, site, tensors, { likePeft: leaf.likePeft, reading, routing, indices });
};

const keysOf = (site: Site, reading: Reading): ReadonlyArray<string> =>
  reading === 'stored' ? site.stored : [site.key];

const leafUpdate = (leaf: Leaf, key: string, reading: Reading, routing?: Routing): WeightUpdate | undefined => {
  const updates = leaf.sites
    .filter((site) => keysOf(site, reading).includes(key))
    .map((site) => siteUpdate(leaf, site, reading, routing));
  return updates.length === 0 ? undefined : sequence(updates);
};

const present = (updates: ReadonlyArray<WeightUpdate | undefined>): ReadonlyArray<WeightUpdate> =>
  updates.filter((u) => u !== undefined);

/** The base key that a key of the adapted model starts from; the key itself unless the adapter changes the module tree. */
export const sourceOf = (adapter: Adapter, key: string): string | undefined => {
  switch (adapter._tag) {
    case 'Leaf':
      return sourceIn(adapter.change, key);
    case 'Compose':
      return adapter.adapters.reduceRight<string | undefined>((k, a) => (k === undefined ? k : sourceOf(a, k)), key);
    case 'Scale':
    case 'Restrict':
    case 'Inverse':
      return sourceOf(adapter.adapter, key);
    case 'Identity':
    case 'Sum':
      return key;
  }
};

/** The keys of the adapted model, given the base's. */
export const adaptedKeys = (adapter: Adapter, keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  switch (adapter._tag) {
    case 'Leaf':
      return keysAfter(adapter.change, keys);
    case 'Compose':
      return adapter.adapters.reduce<ReadonlyArray<string>>((ks, a) => adaptedKeys(a, ks), keys);
    case 'Scale':
    case 'Restrict':
    case 'Inverse':
      return adaptedKeys(adapter.adapter, keys);
    case 'Identity':
    case 'Sum':
      return keys;
  }
};

/** Whether a key's module is one of those that a restriction names. */
const within = (modules: ReadonlyArray<string>, key: string): boolean => {
  const module = key.slice(0, Math.max(0, key.lastIndexOf('.')));
  return modules.some((m) => module === m || module.endsWith(`.${m}`));
};

/**
 * The update of one key, or `undefined` where the adapter leaves it alone.
 *
 * updateAt(compose(a, b), k) = b's after a's; updateAt(scale(c, a), k) = c times a's; updateAt(inverse(a), k) = the inverse of a's; and so on.
 */
export const updateAt = (
  adapter: Adapter,
  key: string,
  reading: Reading = 'stored',
  routing?: Routing,
): WeightUpdate | undefined => {
  switch (adapter._tag) {
    case 'Identity':
      return undefined;
    case 'Leaf':
      return leafUpdate(adapter, key, reading, routing);
    case 'Compose': {
      const updates: (WeightUpdate | undefined)[] = [];
      let at: string | undefined = key;
      for (let i = adapter.adapters.length - 1; i >= 0 && at !== undefined; i--) {
        const a = adapter.adapters[i] as Adapter;
        updates.unshift(updateAt(a, at, reading, routing));
        at = sourceOf(a, at);
      }
      const all = present(updates);
      return all.length === 0 ? undefined : sequence(all);
    }
    case 'Scale': {
      const update = updateAt(adapter.adapter, key, reading, routing);
      return update === undefined ? undefined : scaleUpdate(adapter.c, update);
    }
    case 'Inverse': {
      const update = updateAt(adapter.adapter, key, reading, routing);
      return update === undefined ? undefined : invertUpdate(update);
    }
    case 'Sum': {
      const all = present(adapter.adapters.map((a) => updateAt(a, key, reading, routing)));
      return all.length === 0 ? undefined : all.length === 1 ? all[0] : { _tag: 'Sum', updates: all };
    }
    case 'Restrict':
      return within(adapter.modules, key) ? updateAt(adapter.adapter, key, reading, routing) : undefined;
  }
};

/** Every key that an adapter may change, in the given reading. */
export const touchedKeys = (adapter: Adapter, reading: Reading = 'stored'): ReadonlySet<string> => {
  switch (adapter._tag) {
    case 'Identity':
      return new Set();
    case 'Leaf':
      return new Set(adapter.sites.flatMap((s) => keysOf(s, reading)));
    case 'Compose':
    case 'Sum':
      return new Set(adapter.adapters.flatMap((a) => [...touchedKeys(a, reading)]));
    case 'Scale':
    case 'Inverse':
      return touchedKeys(adapter.adapter, reading);
    case 'Restrict':
      return new Set([...touchedKeys(adapter.adapter, reading)].filter((k) => within(adapter.modules, k)));
  }
};

/** The module tree of the adapted model. */
export const specAfter = (adapter: Adapter, spec: ModelSpec): ModelSpec =>
  leavesOf(adapter).reduce((tree, leaf) => (leaf.change === undefined ? tree : leaf.spec), spec);
