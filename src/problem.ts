/**
 * Problems are values: every border of Weft returns `Either<Problems, A>` with all problems at once.
 */
import type { either } from 'fp-ts';
import { E } from './fp.js';

/** One thing that is wrong: where, what was expected, what was found, and what to do about it. */
export interface Problem {
  readonly _tag: 'Problem';
  /** Where: a file, a tensor's name, a config field (`adapter_config.json: r`). */
  readonly at: string;
  readonly expected: string;
  readonly found: string;
  /** What to do; empty when expected and found say it all. */
  readonly hint: string;
  /** Set where the input may be right but Weft cannot do this yet. */
  readonly unsupported?: true;
}

/** At least one problem. */
export type Problems = readonly [Problem, ...Problem[]];

/** A result that carries either all problems or a value. */
export type Result<A> = either.Either<Problems, A>;

/** Builds a problem. */
export const problem = (at: string, expected: string, found: string, hint = ''): Problem => ({
  _tag: 'Problem',
  at,
  expected,
  found,
  hint,
});

/** Fails with a single problem. */
export const fail = (at: string, expected: string, found: string, hint = ''): Result<never> =>
  E.left([problem(at, expected, found, hint)]);

/** `value` when `problems` is empty, all of them otherwise; `value` is only evaluated in the first case. */
export const orProblems = <A>(problems: ReadonlyArray<Problem>, value: () => A): Result<A> => {
  const [first, ...rest] = problems;
  return first === undefined ? E.right(value()) : E.left([first, ...rest]);
};

/** A problem that lies with Weft: something valid that it does not do yet. */
export const unsupported = (at: string, found: string, hint = ''): Problem => ({
  ...problem(at, 'something this version of Weft implements', found, hint),
  unsupported: true,
});

/** Combines results: all values, or the problems of every failed one. */
export const all = <A>(results: ReadonlyArray<Result<A>>): Result<ReadonlyArray<A>> =>
  orProblems(
    results.flatMap((r) => (E.isLeft(r) ? r.left : [])),
    () => results.flatMap((r) => (E.isRight(r) ? [r.right] : [])),
  );

/** One line for people: `at: expected X, found Y. hint`. */
export const renderProblem = (p: Problem): string =>
  `${p.at}: expected ${p.expected}, found ${p.found}${p.hint === '' ? '' : `. ${p.hint}`}`;

/** All problems, one a line. */
export const renderProblems = (ps: ReadonlyArray<Problem>): string => ps.map(renderProblem).join('\n');
