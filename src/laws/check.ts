/**
 * Running laws on random adapters.
 */
import * as fc from 'fast-check';
import type { Leaf } from '../adapters/adapter.js';
import type { Algebra } from '../adapters/updates/traits.js';
import { arena } from './arena.js';
import { realise, showSubject, subjectData, type SubjectData, type Trial } from './arbitraries/subjects.js';
import type { MethodArbitrary } from './arbitraries/methods.js';
import type { Law } from './law.js';
import { laws, runningLaws } from './laws.js';
import { definitionLaw } from './predicates/definition.js';
import { forwardDefinitionLaw } from './predicates/forward-definition.js';
import type { Verdict } from './verdict.js';

/** How a law is run. */
export interface CheckOptions extends Trial {
  /** Random subjects; 25 by default. */
  readonly runs?: number;
  /** Seed of fast-check; the same seed gives the same subjects. */
  readonly seed?: number;
  /** Subjects that are tried in search of a smaller one, once one breaks the law; 200 by default. */
  readonly shrinks?: number;
}

/** What came of running a law. */
export interface Report {
  readonly law: string;
  readonly holds: boolean;
  readonly runs: number;
  readonly seed: number;
  /** The largest error of all runs in the units of the law's bound, where it has one. */
  readonly ulps: number | undefined;
  /** Why no run could be checked; empty where some were. */
  readonly unchecked: string;
  /** The smallest subject found that breaks the law, and its verdict; empty when it holds. */
  readonly detail: string;
}

const show = (v: Verdict): string => `${v.law}${v.at === undefined ? '' : ` at ${v.at}`}: ${v.detail}`;

/**
 * Checks a law on random subjects; runs one after the other and frees every tensor.
 *
 * @param subjects plain data, for example from `subjectData`
 */
export const checkLaw = async (
  law: Law,
  subjects: fc.Arbitrary<SubjectData>,
  { runs = 25, seed = 20_260_101, shrinks = 200, ...trial }: CheckOptions = {},
): Promise<Report> => {
  const ulps: number[] = [];
  const skipped: string[] = [];
  let tries = Infinity;
  const property = fc.asyncProperty(subjects, (data) =>
    arena(async () => {
      // the search for a smaller subject ends where every further one passes
      if (tries-- <= 0) return;
      const verdict = await law.check(realise(data, trial));
      if (verdict.ulps !== undefined) ulps.push(verdict.ulps);
      if (verdict.holds) {
        if (verdict.detail !== '') skipped.push(verdict.detail);
        return;
      }
      tries = Math.min(tries, shrinks);
      throw new Error(`${show(verdict)}\n${showSubject(data)}`);
    }),
  );
  const result = await fc.check(property, { seed, numRuns: runs });
  const error = result.errorInstance;
  return {
    law: law.name,
    holds: !result.failed,
    runs: result.numRuns,
    unchecked: skipped.length >= result.numRuns ? (skipped[0] ?? '') : '',
    seed: result.seed,
    ulps: ulps.length === 0 ? undefined : Math.max(...ulps),
    detail: result.failed ? (error instanceof Error ? error.message : String(error ?? 'no run finished')) : '',
  };
};

/** The laws that a method's adapters are held to, with its own equations among them. */
export const lawsOf = (from: MethodArbitrary): ReadonlyArray<Law> => {
  const own =
    <A>(what: A) =>
    (leaf: Leaf): A | undefined =>
      leaf.method.peftType === from.method.peftType ? what : undefined;
  return [
    ...laws,
    definitionLaw(own(from.definition)),
    ...(from.forward === undefined ? [] : [forwardDefinitionLaw(own(from.forward))]),
    ...(from.runs === true ? runningLaws : []),
  ];
};

/** Checks a law on a method's adapters in one algebra, or at most as unlawful as it. */
export const checkMethod = (
  law: Law,
  from: MethodArbitrary,
  algebra: Algebra,
  options: CheckOptions = {},
): Promise<Report> => checkLaw(law, subjectData(from, algebra, law.arity), options);
