/**
 * An adapter on a few parameters only, with the part of the module tree around them: what laws are checked on, one after the
 * other, so that a model never has to fit into memory.
 */
import type { Adapter, Leaf } from '../../adapters/adapter.js';
import { sourceOf, touchedKeys } from '../../adapters/compile.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { recordOf } from '../../ops/tensor.js';

/** Modules that are looked at together: they share a parameter, or are one. */
export interface Group {
  /** Name of the first module. */
  readonly name: string;
  /** Their parameters in the adapted model. */
  readonly keys: ReadonlySet<string>;
}

const keysOf = (m: ModuleSpec): ReadonlyArray<string> => Object.keys(m.params).map((p) => paramKey(m.name, p));

/** Modules that ties connect with one, itself included. */
const tiedWith = (spec: ModelSpec, m: ModuleSpec): ReadonlyArray<ModuleSpec> => {
  const tiedKeys = (key: string): ReadonlyArray<string> =>
    spec.ties.flatMap(([alias, owner]) => (alias === key || owner === key ? [alias, owner] : []));
  const related = new Set(keysOf(m).flatMap((key) => [key, ...tiedKeys(key).flatMap((tied) => tiedKeys(tied))]));
  return spec.modules.filter((other) => keysOf(other).some((key) => related.has(key)));
};

/** The modules that an adapter touches, each with those that share its parameters. */
export const groupsOf = (adapter: Adapter, after: ModelSpec): ReadonlyArray<Group> => {
  const touched = new Set([...touchedKeys(adapter, 'stored'), ...touchedKeys(adapter, 'attached')]);
  const seen = new Set<string>();
  return after.modules.flatMap((m) => {
    if (seen.has(m.name) || !keysOf(m).some((key) => touched.has(key))) return [];
    const members = tiedWith(after, m);
    members.forEach((member) => seen.add(member.name));
    return [{ name: m.name, keys: new Set(members.flatMap(keysOf)) }];
  });
};

/** The tree of the modules that own some of the keys. */
const treeAround = (spec: ModelSpec, keys: ReadonlySet<string>): ModelSpec => ({
  ...spec,
  modules: spec.modules.filter((m) => keysOf(m).some((key) => keys.has(key))),
});

const focusLeaf = (leaf: Leaf, keys: ReadonlySet<string>): Leaf => {
  const sites = leaf.sites.filter((s) => keys.has(s.key) || s.stored.some((key) => keys.has(key)));
  const names = new Set(sites.flatMap((s) => Object.values(s.tensors)));
  return {
    ...leaf,
    sites,
    params: recordOf(Object.entries(leaf.params).filter(([name]) => names.has(name))),
    trainable: leaf.trainable.filter((name) => names.has(name)),
    spec: treeAround(leaf.spec, keys),
  };
};

/** Sources of keys: where they start before an adapter. */
const sourcesOf = (adapter: Adapter, keys: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...keys].flatMap((key) => sourceOf(adapter, key) ?? []));

/** The part of an adapter that acts on some parameters, named as in the adapted model. */
export const focusAdapter = <A extends Adapter>(adapter: A, keys: ReadonlySet<string>): A => {
  const focused = (a: Adapter, ks: ReadonlySet<string>): Adapter => {
    switch (a._tag) {
      case 'Identity':
        return a;
      case 'Leaf':
        return focusLeaf(a, ks);
      case 'Scale':
        return { ...a, adapter: focused(a.adapter, ks) as typeof a.adapter };
      case 'Inverse':
      case 'Restrict':
        return { ...a, adapter: focused(a.adapter, ks) };
      case 'Sum':
        return { ...a, adapters: a.adapters.map((part) => focused(part, ks) as typeof part) };
      case 'Compose': {
        const parts: Adapter[] = [];
        a.adapters.reduceRight((after, part) => {
          parts.unshift(focused(part, after));
          return sourcesOf(part, after);
        }, ks);
        return { ...a, adapters: parts };
      }
    }
  };
  return focused(adapter, keys) as A;
};

/** The part of the base that some parameters of the adapted model start from. */
export const focusBase = (
  adapter: Adapter,
  base: ModelSpec,
  keys: ReadonlySet<string>,
): { readonly spec: ModelSpec; readonly keys: ReadonlySet<string> } => {
  const sources = sourcesOf(adapter, keys);
  return { spec: treeAround(base, sources), keys: sources };
};
