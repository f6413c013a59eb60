/**
 * The adapters of a command line: loaded in order, each checked against the module tree that the one before leaves.
 */
import type { Adapter, Leaf } from '../adapters/adapter.js';
import { additive, compose, scale } from '../adapters/combine.js';
import { specAfter } from '../adapters/compile.js';
import { nestedNames } from '../adapters/nested.js';
import { E } from '../fp.js';
import { loadAdapter, type ReadOptions } from '../io/peft.js';
import { untie } from '../models/spec-of.js';
import type { ModelSpec } from '../models/spec.js';
import { orProblems, type Problem, type Result } from '../problem.js';
import { unknownExperts, type Experts } from './experts.js';

/** Folders of adapters in the order in which they apply. */
export interface AdapterList {
  readonly folders: ReadonlyArray<string>;
  /** None, one for all, or one each. */
  readonly scales: ReadonlyArray<number>;
  /** Cut the base's ties first, so that a tied head and its embedding change apart. */
  readonly untie: boolean;
  /** Folders of experts that are not inside their adapter's. */
  readonly experts: Experts;
}

/** What was loaded. */
export interface LoadedAdapters {
  /** All of them as one. */
  readonly adapter: Adapter;
  readonly leaves: ReadonlyArray<Leaf>;
  readonly warnings: ReadonlyArray<string>;
}

/** A leaf on an untied tree as one on the tied base: each alias starts from its owner's values. */
const onTied = (leaf: Leaf, base: ModelSpec): Leaf => {
  const owners = Object.fromEntries(base.ties);
  const from = Object.entries(leaf.change?.from ?? {}).map(([key, source]) => [key, owners[source] ?? source] as const);
  return { ...leaf, change: { from: { ...owners, ...Object.fromEntries(from) }, dropped: leaf.change?.dropped ?? [] } };
};

const scaled = (leaf: Leaf, c: number | undefined): Result<Adapter> =>
  c === undefined || c === 1 ? E.right(leaf) : E.map((a: Adapter<'additive'>) => scale(c, a))(additive(leaf));

/**
 * Loads adapters for a base.
 *
 * Problems: those of every folder, marked with it where there are several; factors other than 1 for adapters that are not
 * additive.
 */
export const loadAdapters = async (
  list: AdapterList,
  base: ModelSpec,
  options: ReadOptions = {},
): Promise<Result<LoadedAdapters>> => {
  const untied = list.untie && base.ties.length > 0;
  const problems: Problem[] = [];
  const adapters: Adapter[] = [];
  const leaves: Leaf[] = [];
  const warnings: string[] = [];
  let spec = untied ? untie(base) : base;
  for (const [i, folder] of list.folders.entries()) {
    const several = list.folders.length > 1;
    const where = (at: string): string => (several && !at.startsWith(folder) ? `${folder}: ${at}` : at);
    const loaded = await loadAdapter(folder, spec, { ...options, nested: list.experts });
    const leaf = E.map(({ adapter }: { readonly adapter: Leaf }) =>
      untied && i === 0 ? onTied(adapter, base) : adapter,
    )(loaded);
    const adapter = E.chain((l: Leaf) => scaled(l, list.scales.length > 1 ? list.scales[i] : list.scales[0]))(leaf);
    if (E.isLeft(adapter)) {
      problems.push(...adapter.left.map((p) => ({ ...p, at: where(p.at) })));
      continue;
    }
    if (E.isLeft(loaded) || E.isLeft(leaf)) continue;
    adapters.push(adapter.right);
    leaves.push(leaf.right);
    warnings.push(...loaded.right.warnings.map(where));
    spec = specAfter(leaf.right, spec);
  }
  // an adapter that did not load may have them
  if (problems.length === 0) problems.push(...unknownExperts(list.experts, leaves.flatMap(nestedNames)));
  return orProblems(problems, () => ({ adapter: compose(...adapters), leaves, warnings }));
};
