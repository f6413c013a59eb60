/**
 * The code of a thread that merges: units come in, results go out. It imports little, since every thread loads it again.
 */
import { parentPort } from 'node:worker_threads';
import { openRowMerger } from '../../ops/kernels/merge.js';
import type { Unit } from '../merge/unit.js';
import { unitRunner } from './run-unit.js';

/** What the thread is sent, and with the same `id` sends back. */
export interface Order {
  readonly id: number;
  readonly unit: Unit;
}

const runner = openRowMerger().then(unitRunner);

parentPort?.on('message', ({ id, unit }: Order) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  void runner.then((run) => parentPort?.postMessage({ id, result: run(unit) }));
});
