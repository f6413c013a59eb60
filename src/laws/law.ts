/**
 * Laws as data: a name, an equation, whom it is about, and a predicate.
 */
import type { Adapter, Leaf, Mergeable } from '../adapters/adapter.js';
import { algebras, type Algebra } from '../adapters/updates/traits.js';
import type { ModelSpec } from '../models/spec.js';
import type { Key } from '../ops/random.js';
import type { Weights } from '../ops/tensor.js';
import { arena } from './arena.js';
import type { Operations } from './operations.js';
import { broken, type Finding, type Verdict } from './verdict.js';

/** Values that a law is checked on. */
export interface Subject {
  /** The module tree of the base model. */
  readonly base: ModelSpec;
  readonly weights: Weights;
  /** One adapter at least; each was checked against the model that the ones before it make. */
  readonly adapters: readonly [Adapter, ...Adapter[]];
  /** The leaf inside of each adapter. */
  readonly leaves: readonly [Leaf, ...Leaf[]];
  /** Randomness for inputs, numbers and partitions. */
  readonly key: Key;
  readonly operations: Operations;
}

/** A law. */
export interface Law {
  readonly name: string;
  /** What holds, in symbols. */
  readonly equation: string;
  /** The least lawful algebra that the law is about; "routed" means every adapter. */
  readonly atMost: Algebra;
  /** How many adapters it is about. */
  readonly arity: 1 | 2 | 3;
  /** Looks at a subject whose first `arity` adapters are at most as unlawful as `atMost`. Frees what it makes. */
  readonly check: (subject: Subject) => Promise<Verdict>;
}

/** Whether an algebra is at least as lawful as another. */
export const noLessLawful = (a: Algebra, than: Algebra): boolean => algebras.indexOf(a) <= algebras.indexOf(than);

/** An error that says that a law cannot be checked on some values, rather than that it is broken. */
export const unchecked = (why: string): Error => Object.assign(new Error(why), { name: 'Unchecked' });

const judged = (error: unknown): Finding => {
  if (!(error instanceof Error)) return broken(String(error));
  return error.name === 'Unchecked'
    ? { holds: true, detail: `not checked: ${error.message}` }
    : broken(`${error.name}: ${error.message}`);
};

/** Makes a law; a predicate that throws has found it broken, unless the error is `unchecked`. */
export const law = (
  name: string,
  equation: string,
  about: { readonly atMost: Algebra; readonly arity?: 1 | 2 | 3 },
  find: (subject: Subject) => Promise<Finding>,
): Law => ({
  name,
  equation,
  atMost: about.atMost,
  arity: about.arity ?? 1,
  check: async (subject) => {
    const finding = await arena(() => find(subject)).catch(judged);
    return { law: name, ...finding };
  },
});

/** The i-th adapter of a subject; one that is missing repeats the first. */
export const adapterAt = (s: Subject, i: number): Adapter => s.adapters[i] ?? s.adapters[0];

/** The i-th adapter, for laws about mergeable ones. */
export const mergeableAt = (s: Subject, i: number): Adapter<Mergeable> => adapterAt(s, i) as Adapter<Mergeable>;

/** The i-th adapter, for laws about additive ones. */
export const additiveAt = (s: Subject, i: number): Adapter<'additive'> => adapterAt(s, i) as Adapter<'additive'>;
