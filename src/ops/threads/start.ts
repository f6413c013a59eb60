/**
 * Starts the threads of a team, in Node.
 */
import type { Worker } from 'node:worker_threads';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { GemmKind } from '../backends/wasm-gemm.js';
import type { GemmHeap } from '../kernels/gemm.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import { newBoard, type Board, type Perform } from './board.js';
import { alone, together, WORTH, type Team } from './team.js';

/** What a thread is given. */
export interface Enrolled {
  readonly board: Board;
  readonly memory: WebAssembly.Memory;
  /** A place in the memory for this thread alone. */
  readonly room: { readonly at: number; readonly bytes: number };
  readonly kind: GemmKind;
  readonly native?: OpenBlasOptions;
}

/** Which products threads make, and how many threads there are. */
export interface TeamOptions {
  readonly kind: GemmKind;
  readonly native?: OpenBlasOptions;
  readonly threads: number;
  /** See `Team`. */
  readonly worth?: number;
}

/** A team that can be dismissed. */
export interface StartedTeam {
  readonly team: Team;
  readonly stop: () => Promise<void>;
}

/** Bytes of the heap that each thread has for its products. */
const ROOM = 2 ** 21;

/** Starts team-thread.ts; from source, as in tests, through the loader for TypeScript. */
const startWorker = async (workerData: Enrolled): Promise<Worker> => {
  // Variables, so that browser bundlers do not follow them.
  const name = 'node:worker_threads';
  const { Worker: Thread } = (await import(/* @vite-ignore */ name)) as typeof import('node:worker_threads');
  const here = import.meta.url;
  const fromSource = here.endsWith('.ts');
  const file = new URL(fromSource ? './team-thread.ts' : './team-thread.js', here);
  if (!fromSource) return new Thread(file, { workerData });
  const code = `import('tsx/esm/api').then((tsx) => tsx.tsImport(${JSON.stringify(file.href)}, ${JSON.stringify(here)}))`;
  return new Thread(code, { eval: true, execArgv: ['--conditions=weft-source'], workerData });
};

/** Waits until a thread serves its board; gives what it says is wrong, if anything. */
const ready = (worker: Worker): Promise<string | undefined> =>
  new Promise((resolve) => {
    worker.once('message', (trouble: string | undefined) => resolve(trouble));
    worker.once('error', (error) => resolve(error.message));
    worker.once('exit', (code) => resolve(`it ended with code ${code}`));
  });

/**
 * Starts threads that share the calls of this one.
 *
 * @param heap on shared memory, where there is more than one thread
 * @param perform does a call in this thread
 * @param options.threads threads, this one among them
 * @returns the team, or why a thread did not start
 */
export const startTeam = async (
  heap: GemmHeap,
  perform: Perform,
  { kind, native, threads, worth = WORTH }: TeamOptions,
): Promise<Result<StartedTeam>> => {
  if (threads === 1) return E.right({ team: alone(perform), stop: () => Promise.resolve() });
  const board = newBoard();
  const others = await Promise.all(
    Array.from({ length: threads - 1 }, () => {
      const room = { at: heap.allocate(ROOM), bytes: ROOM };
      return startWorker({ board, memory: heap.memory, room, kind, ...(native === undefined ? {} : { native }) });
    }),
  );
  const stop = async (): Promise<void> => void (await Promise.all(others.map((worker) => worker.terminate())));
  const trouble = (await Promise.all(others.map(ready))).find((t) => t !== undefined);
  if (trouble !== undefined) {
    await stop();
    return fail('backend wasm threads', `${threads} threads`, trouble);
  }
  // They wait for calls for ever, and the process need not wait for them.
  others.forEach((worker) => worker.unref());
  return E.right({ team: together(board, perform, threads, worth), stop });
};
