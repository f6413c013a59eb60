/**
 * What routed methods look at in a case: token ids, and the tasks that generate.py passes without writing them down.
 */
import type { Routing } from '../src/adapters/method.js';
import type { GoldenCase } from './case.js';
import { valuesOf } from './compare.js';

/** task_ids of the cases that have them, by the slug of generate.py. */
const tasks: ReadonlyArray<readonly [slug: RegExp, taskIds: ReadonlyArray<number>]> = [
  [/-poly-mhr$/, [1, 2]],
  [/-(poly|mpt)$/, [0, 2]],
];

/** The routing of a case. */
export const routingOf = (c: GoldenCase): Routing => {
  const taskIds = tasks.find(([slug]) => slug.test(c.id))?.[1];
  const raw = c.expected.get('input.input_ids');
  const width = raw?.shape[1] ?? 0;
  const flat = raw === undefined ? [] : [...valuesOf(raw)];
  const inputIds = Array.from({ length: raw?.shape[0] ?? 0 }, (_, i) => flat.slice(i * width, (i + 1) * width));
  return { ...(taskIds === undefined ? {} : { taskIds }), ...(raw === undefined ? {} : { inputIds }) };
};
