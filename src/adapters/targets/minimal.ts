/**
 * Shortest suffixes that tell a long list of target modules from all other modules.
 */
import { suffixesOf } from './targeting.js';

/** PEFT shortens lists of at least this many names. */
export const SHORTEN_FROM = 20;

/** Order of Python's lists of strings: by the first difference, a prefix first. */
const compareLists = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  const i = a.findIndex((s, j) => s !== b[j]);
  if (i < 0) return a.length - b.length;
  const [x, y] = [a[i] as string, b[i]];
  return y === undefined ? 1 : x < y ? -1 : 1;
};

/**
 * A set of suffixes at dots that match every target and no other module, as PEFT picks them: targets in the order of their
 * suffixes (shortest first), each adding its shortest suffix that no other module has, unless one picked before covers it.
 * `targets` when none is found. Targets and others must not overlap.
 */
export const minimalTargets = (
  targets: ReadonlyArray<string>,
  others: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const taken = new Set(others.flatMap(suffixesOf));
  const distinct = [...new Set(targets)];
  const bySuffix = distinct.map((name) => suffixesOf(name).toReversed()).toSorted(compareLists);
  const picked = new Set<string>();
  for (const suffixes of bySuffix) {
    const covered = suffixes.slice(0, -1).some((s) => picked.has(s));
    const next = covered ? undefined : suffixes.find((s) => !picked.has(s) && !taken.has(s));
    if (next !== undefined) picked.add(next);
  }
  return picked.size === 0 ? distinct : [...picked];
};
