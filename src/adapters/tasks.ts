/**
 * Tasks of the samples in a batch.
 */
import type { Routing } from './method.js';

/** The task of each sample; a programmer's mistake when there is none or one is out of range. */
export const checkedTasks = (who: string, tasks: number, routing: Routing | undefined): ReadonlyArray<number> => {
  const taskIds = routing?.taskIds;
  if (taskIds === undefined)
    throw new TypeError(`${who} needs the task of each sample: attach(adapter, weights, { taskIds })`);
  const beyond = taskIds.find((id) => !Number.isInteger(id) || id < 0 || id >= tasks);
  if (beyond !== undefined) throw new RangeError(`taskIds: only ${tasks} tasks are available, found task ${beyond}`);
  return taskIds;
};
