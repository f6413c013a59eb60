/**
 * Adapters that change the module tree: replicated layers, ties that are cut.
 */
import { parameters, type ModelSpec } from '../models/spec.js';

/** How the adapted model's parameters come from the base's; any key that is named in neither field is kept as it is. */
export interface TreeChange {
  /** The base key that a key of the adapted model starts from. */
  readonly from: Readonly<Record<string, string>>;
  /** Base keys that the adapted model does not have. */
  readonly dropped: ReadonlyArray<string>;
}

/** Every parameter of a tree coming from itself. */
export const unchangedSources = (spec: ModelSpec): Readonly<Record<string, string>> =>
  Object.fromEntries(parameters(spec).map(([key]) => [key, key]));

/** The change between a base tree and another one, given where each parameter of the other comes from. */
export const treeChange = (base: ModelSpec, sources: Readonly<Record<string, string>>): TreeChange | undefined => {
  const from = Object.fromEntries(Object.entries(sources).filter(([key, source]) => key !== source));
  const dropped = parameters(base)
    .map(([key]) => key)
    .filter((key) => !Object.hasOwn(sources, key));
  return Object.keys(from).length + dropped.length === 0 ? undefined : { from, dropped };
};

/** The base key behind a key of the adapted model, `undefined` for a dropped one. */
export const sourceIn = (change: TreeChange | undefined, key: string): string | undefined => {
  if (change === undefined) return key;
  if (Object.hasOwn(change.from, key)) return change.from[key];
  return change.dropped.includes(key) ? undefined : key;
};

/** The keys of the adapted model that start from one of the base keys given. */
export const copiesOf = (change: TreeChange | undefined, keys: ReadonlySet<string>): ReadonlySet<string> => {
  if (change === undefined) return keys;
  const added = Object.keys(change.from).filter((k) => keys.has(change.from[k] as string));
  return new Set([...[...keys].filter((k) => sourceIn(change, k) === k), ...added]);
};

/** The keys of the adapted model, given the base's: kept ones first, then new ones. */
export const keysAfter = (change: TreeChange | undefined, keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (change === undefined) return keys;
  const there = new Set(keys);
  const dropped = new Set(change.dropped);
  const added = Object.keys(change.from).filter((k) => !there.has(k) && there.has(change.from[k] as string));
  return [...keys.filter((k) => !dropped.has(k)), ...added];
};
