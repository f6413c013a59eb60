/**
 * Results where a failure is a mistake of the harness or of a file that it made.
 */
import { E } from '../src/fp.js';
import { renderProblems, type Result } from '../src/problem.js';

/** The value; problems are thrown. */
export const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};
