/**
 * Names of a model that look like a name which it does not have.
 */
import { suffixesOf } from './targeting.js';

/** Names longer than this are not compared. */
const LONGEST = 200;

/** Levenshtein distance: insertions, deletions and substitutions that turn `a` into `b`. */
export const editDistance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
};

/** Up to `most` names near `wanted`, nearest first, cut to as many segments as `wanted` has. */
export const nearNames = (wanted: string, names: ReadonlyArray<string>, most = 3): ReadonlyArray<string> => {
  if (wanted.length > LONGEST) return [];
  const segments = wanted.split('.').length;
  const candidates = new Set(
    names.flatMap((n) => suffixesOf(n).at(-segments) ?? []).filter((n) => n !== '' && n.length <= LONGEST),
  );
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return [...candidates]
    .map((name) => [name, editDistance(wanted.toLowerCase(), name.toLowerCase())] as const)
    .filter(([, distance]) => distance <= limit)
    .toSorted((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, most)
    .map(([name]) => name);
};

/** `Near names: a, b`, or what the model has when nothing is near. */
export const nearHint = (wanted: string, names: ReadonlyArray<string>): string => {
  const near = nearNames(wanted, names);
  if (near.length > 0) return `Near names in the model: ${near.join(', ')}`;
  const leaves = [...new Set(names.map((n) => n.slice(n.lastIndexOf('.') + 1)).filter((n) => !/^\d*$/.test(n)))];
  return leaves.length === 0
    ? ''
    : `The model has: ${leaves.slice(0, 20).join(', ')}${leaves.length > 20 ? ', ...' : ''}`;
};
