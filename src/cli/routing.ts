/**
 * What routed adapters look at beside their parameters: the tokens of a text, and its task.
 */
import type { Leaf } from '../adapters/adapter.js';
import type { Routing } from '../adapters/method.js';
import { E } from '../fp.js';
import { fail, orProblems, problem, type Result } from '../problem.js';
import { optionalNaturals, type Given } from './given.js';

/** The option --task-id. */
export const givenTask = (given: Given): Result<number | undefined> =>
  E.chain((ids: ReadonlyArray<number> | undefined) =>
    ids === undefined || ids.length === 1
      ? E.right(ids?.[0])
      : fail(`weft ${given.command}: --task-id`, 'one task', `${ids.length}`, 'the command reads one text'),
  )(optionalNaturals(given, 'task-id'));

/**
 * The routing of one text; a problem where an adapter routes by tasks and the task is not given, or is none of its own.
 *
 * @param inputIds the tokens of every sequence, where there are any
 */
export const routingFor = (
  command: string,
  leaves: ReadonlyArray<Leaf>,
  task: number | undefined,
  inputIds: ReadonlyArray<ReadonlyArray<number>> | undefined,
): Result<Routing> => {
  const counts = leaves.flatMap(({ method, config }) => method.tasks?.(config) ?? []);
  const problems = counts
    .filter((count) => task === undefined || task >= count)
    .map((count) =>
      problem(
        `weft ${command}: --task-id`,
        `a task from 0 to ${count - 1}, because the adapter routes by task`,
        task === undefined ? 'no such option' : String(task),
      ),
    );
  return orProblems(problems, () => ({
    ...(task === undefined ? {} : { taskIds: [task] }),
    ...(inputIds === undefined ? {} : { inputIds }),
  }));
};
