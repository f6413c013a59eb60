/**
 * Starts the threads of a team.
 */
import { platform } from '#threads';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { GemmKind } from '../backends/wasm-gemm.js';
import type { GemmHeap } from '../kernels/gemm.js';
import { isShared } from '../kernels/instantiate.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import { newBoard, type Perform } from './board.js';
import { alone, together, WORTH, type Team } from './team.js';

/** Which products threads make, and how many threads there are. */
export interface TeamOptions {
  readonly kind: GemmKind;
  readonly native?: OpenBlasOptions;
  /** Threads, the one that calls among them. */
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

const none = async (): Promise<void> => undefined;

/**
 * Starts threads that share the calls of this one.
 *
 * @param heap on shared memory, where there is more than one thread
 * @param perform does a call in this thread
 * @returns the team, or why a thread did not start
 */
export const startTeam = async (
  heap: GemmHeap,
  perform: Perform,
  { threads, worth = WORTH, ...tools }: TeamOptions,
): Promise<Result<StartedTeam>> => {
  if (threads === 1) return E.right({ team: alone(perform), stop: none });
  if (platform === undefined)
    return fail('backend wasm threads', 'Node', 'a browser', 'leave the number of threads out');
  if (!isShared(heap.memory)) {
    const hint = 'give the number of threads when the backend starts: its memory is made once in a process';
    return fail('backend wasm threads', 'memory that threads can share', 'memory of one thread', hint);
  }
  const { startThread } = platform;
  const board = newBoard();
  const others = Array.from({ length: threads - 1 }, (_, i) => {
    const room = { at: heap.allocate(ROOM), bytes: ROOM };
    return startThread({ board, seat: { index: i + 1, of: threads }, memory: heap.memory, room, ...tools });
  });
  const stop = async (): Promise<void> => void (await Promise.all(others.map((thread) => thread.stop())));
  const trouble = (await Promise.all(others.map(({ ready }) => ready))).find((t) => t !== undefined);
  if (trouble === undefined) return E.right({ team: together(board, perform, threads, worth), stop });
  await stop();
  return fail('backend wasm threads', `${threads} threads`, trouble);
};
