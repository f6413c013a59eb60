/**
 * Benches end where something is wrong with their own inputs.
 */
import { E } from '../src/fp.js';
import { renderProblems, type Result } from '../src/problem.js';

/** What was asked for; throws with all problems otherwise. */
export const orThrow = <A>(result: Result<A>): A => {
  if (E.isLeft(result)) throw new Error(renderProblems(result.left));
  return result.right;
};
