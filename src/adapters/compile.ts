/**
 * From adapters to weight updates: what an adapter does to one key.
 */
import { lookup, mapRecord, recordOf, type Tensor } from '../ops/tensor.js';
import type { ModelSpec } from '../models/spec.js';
import { leavesOf, type Adapter, type Compose, type Leaf, type Restrict } from './adapter.js';
import { auxiliaryUpdate, isAuxiliary } from './auxiliary.js';
import type { Indices } from './indices.js';
import { mapLeaves } from './leaf.js';
import type { Reading, Routing } from './method.js';
import type { Site } from './site.js';
import { copiesOf, keysAfter, sourceIn } from './tree.js';
import { sequence, type WeightUpdate } from './update.js';
import { applyUpdate } from './updates/apply.js';
import { invertUpdate } from './updates/invert.js';
import { scaleUpdate } from './updates/scale.js';

export type { Reading } from './method.js';

/** A parameter of the base model by key, for updates that read one beside their own (`Site.reads`). */
export type BaseLookup = (key: string) => Tensor | undefined;

/** Parameters that a site's update reads, by role. */
const readOf = (leaf: Leaf, site: Site, base: BaseLookup | undefined): Readonly<Record<string, Tensor>> =>
  mapRecord(site.reads ?? {}, (key) => {
    const W = base?.(sourceIn(leaf.change, key) ?? key);
    if (W === undefined) throw new TypeError(`weights: the update of "${site.key}" reads "${key}", which is not given`);
    return W;
  });

const siteUpdate = (
  leaf: Leaf,
  site: Site,
  reading: Reading,
  routing: Routing | undefined,
  base: BaseLookup | undefined,
): WeightUpdate => {
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
    : leaf.method.update(
        leaf.config,
        site,
        { ...tensors, ...readOf(leaf, site, base) },
        { likePeft: leaf.likePeft, reading, routing, indices },
      );
};

const keysOf = (site: Site, reading: Reading): ReadonlyArray<string> =>
  reading === 'stored' ? site.stored : [site.key];

const leafUpdate = (
  leaf: Leaf,
  key: string,
  reading: Reading,
  routing?: Routing,
  base?: BaseLookup,
): WeightUpdate | undefined => {
  const updates = leaf.sites
    .filter((site) => keysOf(site, reading).includes(key))
    .map((site) => siteUpdate(leaf, site, reading, routing, base));
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

/** The adapter without its sites on modules that a restriction does not name; a tied parameter has sites of several modules. */
const within = ({ modules, adapter }: Restrict): Adapter =>
  mapLeaves(adapter, (leaf) => ({
    ...leaf,
    sites: leaf.sites.filter(({ module }) => modules.some((m) => module === m || module.endsWith(`.${m}`))),
  }));

/** The first n adapters of a composition. */
const before = (composed: Compose, n: number): Compose => ({ ...composed, adapters: composed.adapters.slice(0, n) });

/** Parameters as an adapter leaves them to the next one. */
const baseAfter =
  (adapter: Adapter, base: BaseLookup, reading: Reading, routing?: Routing): BaseLookup =>
  (key) => {
    const W = base(sourceOf(adapter, key) ?? key);
    const update = updateAt(adapter, key, reading, routing, base);
    return W === undefined || update === undefined ? W : applyUpdate(update, W);
  };

/**
 * The update of one key, or `undefined` where the adapter leaves it alone.
 *
 * updateAt(compose(a, b), k) = b's after a's; updateAt(scale(c, a), k) = c times a's; updateAt(inverse(a), k) = the inverse of a's; and so on.
 *
 * @param base parameters of the base model, for updates that read more than their own; without it those are a programmer's mistake
 */
export const updateAt = (
  adapter: Adapter,
  key: string,
  reading: Reading = 'stored',
  routing?: Routing,
  base?: BaseLookup,
): WeightUpdate | undefined => {
  switch (adapter._tag) {
    case 'Identity':
      return undefined;
    case 'Leaf':
      return leafUpdate(adapter, key, reading, routing, base);
    case 'Compose': {
      const updates: (WeightUpdate | undefined)[] = [];
      let at: string | undefined = key;
      for (let i = adapter.adapters.length - 1; i >= 0 && at !== undefined; i--) {
        const a = adapter.adapters[i] as Adapter;
        updates.unshift(
          updateAt(a, at, reading, routing, base && baseAfter(before(adapter, i), base, reading, routing)),
        );
        at = sourceOf(a, at);
      }
      const all = present(updates);
      return all.length === 0 ? undefined : sequence(all);
    }
    case 'Scale': {
      const update = updateAt(adapter.adapter, key, reading, routing, base);
      return update === undefined ? undefined : scaleUpdate(adapter.c, update);
    }
    case 'Inverse': {
      const update = updateAt(adapter.adapter, key, reading, routing, base);
      return update === undefined ? undefined : invertUpdate(update);
    }
    case 'Sum': {
      const all = present(adapter.adapters.map((a) => updateAt(a, key, reading, routing, base)));
      return all.length === 0 ? undefined : all.length === 1 ? all[0] : { _tag: 'Sum', updates: all };
    }
    case 'Restrict':
      return updateAt(within(adapter), key, reading, routing, base);
  }
};

/** Keys of the base model that the update of a key reads beside the key's own source (see `Site.reads`). */
export const readKeys = (adapter: Adapter, key: string): ReadonlyArray<string> => {
  switch (adapter._tag) {
    case 'Identity':
      return [];
    case 'Leaf':
      return adapter.sites
        .filter((site) => site.stored.includes(key))
        .flatMap((site) => Object.values(site.reads ?? {}).flatMap((k) => sourceIn(adapter.change, k) ?? []));
    case 'Compose':
      return adapter.adapters.flatMap((a, i) => {
        const [earlier, later] = [before(adapter, i), { ...adapter, adapters: adapter.adapters.slice(i + 1) }];
        const at = sourceOf(later, key);
        const read = at === undefined ? [] : readKeys(a, at);
        return read.flatMap((k) => [sourceOf(earlier, k) ?? k, ...readKeys(earlier, k)]);
      });
    case 'Sum':
      return adapter.adapters.flatMap((a) => readKeys(a, key));
    case 'Scale':
    case 'Inverse':
      return readKeys(adapter.adapter, key);
    case 'Restrict':
      return readKeys(within(adapter), key);
  }
};

/** The keys of the adapted model that start from one of the keys given. */
const copiedBy = (adapter: Adapter, keys: ReadonlySet<string>): ReadonlySet<string> =>
  leavesOf(adapter).reduce((copies, leaf) => copiesOf(leaf.change, copies), keys);

/** Every key that an adapter may change, in the given reading. */
export const touchedKeys = (adapter: Adapter, reading: Reading = 'stored'): ReadonlySet<string> => {
  switch (adapter._tag) {
    case 'Identity':
      return new Set();
    case 'Leaf':
      return new Set(adapter.sites.flatMap((s) => keysOf(s, reading)));
    case 'Compose':
      // what an adapter touched is seen in every copy that a later one makes of it
      return adapter.adapters.reduce<ReadonlySet<string>>(
        (touched, a) => new Set([...copiedBy(a, touched), ...touchedKeys(a, reading)]),
        new Set(),
      );
    case 'Sum':
      return new Set(adapter.adapters.flatMap((a) => [...touchedKeys(a, reading)]));
    case 'Scale':
    case 'Inverse':
      return touchedKeys(adapter.adapter, reading);
    case 'Restrict':
      return touchedKeys(within(adapter), reading);
  }
};

/** The module tree of the adapted model. */
export const specAfter = (adapter: Adapter, spec: ModelSpec): ModelSpec =>
  leavesOf(adapter).reduce((tree, leaf) => (leaf.change === undefined ? tree : leaf.spec), spec);
