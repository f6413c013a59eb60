/**
 * Results in tests.
 */
import { E } from '../../src/fp.js';
import { renderProblems, type Problem, type Result } from '../../src/problem.js';

/** The value, or an error that names every problem. */
export const right = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};

/** The problems, none for a value. */
export const problemsOf = (result: Result<unknown>): ReadonlyArray<Problem> => (E.isLeft(result) ? result.left : []);
