/**
 * Running laws on random adapters.
 */
import * as fc from 'fast-check';
import type { Algebra } from '../adapters/updates/traits.js';
import { arena } from './arena.js';
import { realise, showSubject, subjectData, type SubjectData, type Trial } from './arbitraries/subjects.js';
import { methodArbitraries, type MethodArbitrary } from './arbitraries/methods.js';
import { noLessLawful, type Law } from './law.js';
import { laws } from './laws.js';
import { definitionLaw } from './predicates/definition.js';
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
  let tries = Infinity;
  const property = fc.asyncProperty(subjects, (data) =>
    arena(async () => {
      // the search for a smaller subject ends where every further one passes
      if (tries-- <= 0) return;
      const verdict = await law.check(realise(data, trial));
      if (verdict.ulps !== undefined) ulps.push(verdict.ulps);
      if (verdict.holds) return;
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
    seed: result.seed,
    ulps: ulps.length === 0 ? undefined : Math.max(...ulps),
    detail: result.failed ? (error instanceof Error ? error.message : String(error ?? 'no run finished')) : '',
  };
};

/** The laws that a method's adapters are held to, with its own definition among them. */
export const lawsOf = (from: MethodArbitrary): ReadonlyArray<Law> => [
  ...laws,
  definitionLaw((leaf) => (leaf.method.peftType === from.method.peftType ? from.definition : undefined)),
];

/** Checks a law on a method's adapters in one algebra, or at most as unlawful as it. */
export const checkMethod = (
  law: Law,
  from: MethodArbitrary,
  algebra: Algebra,
  options: CheckOptions = {},
): Promise<Report> => checkLaw(law, subjectData(from, algebra, law.arity), options);

/** One cell of the matrix of methods and laws. */
export interface Cell {
  readonly method: string;
  /** The adapters drawn are at most as unlawful as this. */
  readonly algebra: Algebra;
  readonly law: string;
  readonly status: 'holds' | 'broken' | 'not applicable' | 'todo';
  /** Why, where the law does not simply hold. */
  readonly why: string;
  readonly ulps?: number | undefined;
}

/** Why a law is not about a method's adapters in an algebra, or `undefined` where it is. */
export const notApplicable = (law: Law, algebra: Algebra): string | undefined =>
  noLessLawful(algebra, law.atMost)
    ? undefined
    : law.atMost === 'additive'
      ? `a ${algebra} adapter is no vector: it neither scales nor subtracts`
      : `a ${algebra} adapter has no dense merged weights`;

/** The cells of one method in one algebra. */
export const methodCells = async (
  from: MethodArbitrary,
  algebra: Algebra,
  options: CheckOptions = {},
): Promise<ReadonlyArray<Cell>> => {
  const cells: Cell[] = [];
  for (const law of lawsOf(from)) {
    const cell = { method: from.method.peftType, algebra, law: law.name };
    const why = notApplicable(law, algebra);
    if (why !== undefined) cells.push({ ...cell, status: 'not applicable', why });
    else if (law.name === 'definition' && from.definition === undefined)
      cells.push({ ...cell, status: 'todo', why: 'the method has no equation in src/laws/definitions yet' });
    else {
      const { holds, detail, ulps } = await checkMethod(law, from, algebra, options);
      cells.push({ ...cell, status: holds ? 'holds' : 'broken', why: detail, ulps });
    }
  }
  return cells;
};

/**
 * Every method of a registry against every law, in each algebra that its adapters live in.
 *
 * @param registry methods by `peft_type`; one without a row in `arbitraries` is to do
 */
export const lawMatrix = async (
  registry: Readonly<Record<string, unknown>>,
  options: CheckOptions & { readonly arbitraries?: Readonly<Record<string, MethodArbitrary>> } = {},
): Promise<ReadonlyArray<Cell>> => {
  const { arbitraries = methodArbitraries, ...check } = options;
  const cells: Cell[] = [];
  for (const method of Object.keys(registry)) {
    const from = arbitraries[method];
    if (from === undefined)
      cells.push({
        method,
        algebra: 'routed',
        law: 'every law',
        status: 'todo',
        why: 'no arbitrary draws its adapters yet',
      });
    else for (const algebra of from.algebras) cells.push(...(await methodCells(from, algebra, check)));
  }
  return cells;
};
