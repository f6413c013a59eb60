/**
 * Threads that merge, this one among them.
 */
import { setImmediate } from 'node:timers/promises';
import { E } from '../../fp.js';
import { rowMergers, type OpenRowMerger } from '../../ops/kernels/merge.js';
import { startWorker } from '../../ops/node/worker.js';
import type { Result } from '../../problem.js';
import type { FileSystem } from '../file-system.js';
import type { Lane } from '../merge/unit.js';
import { unitRunner } from './run-unit.js';
import type { Order, ThreadData } from './thread.js';

/** A thread needs its code; the rest of its memory is the kernel's. */
const limits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 };

/** Units that a thread is given at once: one to do, one to go on with. */
const DEPTH = 2;

interface Waiting {
  readonly resolve: (result: Result<number>) => void;
  readonly reject: (error: Error) => void;
}

const threadLane = (data: ThreadData) => {
  const worker = startWorker('thread', import.meta.url, { workerData: data, resourceLimits: limits });
  const waiting = new Map<number, Waiting>();
  const state: { ended: Error | undefined; next: number } = { ended: undefined, next: 0 };
  const end = (error: Error): void => {
    state.ended ??= error;
    waiting.forEach(({ reject }) => reject(error));
    waiting.clear();
  };
  worker.on('message', ({ id, result }: { readonly id: number; readonly result: Result<number> }) => {
    waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`a thread that merges ended with code ${code}`)));
  const run: Lane = (unit) =>
    new Promise((resolve, reject) => {
      if (state.ended !== undefined) return reject(state.ended);
      const id = state.next++;
      waiting.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage({ id, unit } satisfies Order);
    });
  return { run, depth: DEPTH, stop: () => worker.terminate() };
};

/** This thread, which gives way to what else happens between two units. */
const ownLane = async (open: OpenRowMerger): Promise<Lane> => {
  const run = unitRunner(await open());
  return async (unit) => {
    await setImmediate();
    return run(unit);
  };
};

/** See `FileSystem.openLanes`. */
export const openLanes: FileSystem['openLanes'] = async (count, fma) => {
  const mergers = await rowMergers(fma);
  if (E.isLeft(mergers)) return mergers;
  const threads = Array.from({ length: count - 1 }, () => threadLane({ fma }));
  return E.right({
    lanes: [...threads, { run: await ownLane(mergers.right), depth: 1 }],
    close: async () => void (await Promise.all(threads.map(({ stop }) => stop()))),
  });
};
