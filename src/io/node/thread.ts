/**
 * The code of a thread that merges: units come in, results go out. It imports little, since every thread loads it again.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { E } from '../../fp.js';
import { rowMergers } from '../../ops/kernels/merge.js';
import { renderProblems } from '../../problem.js';
import type { Unit } from '../merge/unit.js';
import { unitRunner } from './run-unit.js';

/** What the thread is sent, and with the same `id` sends back. */
export interface Order {
  readonly id: number;
  readonly unit: Unit;
}

/** What the thread is made with. */
export interface ThreadData {
  readonly fma: boolean;
}

const open = async (): Promise<ReturnType<typeof unitRunner>> => {
  const mergers = await rowMergers((workerData as ThreadData).fma);
  // the thread that made this one has seen that there are some
  if (E.isLeft(mergers)) throw new Error(renderProblems(mergers.left));
  return unitRunner(await mergers.right());
};

const runner = open();

parentPort?.on('message', ({ id, unit }: Order) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  void runner.then((run) => parentPort?.postMessage({ id, result: run(unit) }));
});
