/**
 * Taking results apart in tests.
 */
import { E } from '../../src/fp.js';
import { renderProblem, renderProblems, type Result } from '../../src/problem.js';

/** The value; fails the test with the problems otherwise. */
export const valueOf = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

/** The problems as lines; none for a value. */
export const problemsOf = (result: Result<unknown>): ReadonlyArray<string> =>
  E.isLeft(result) ? result.left.map(renderProblem) : [];
