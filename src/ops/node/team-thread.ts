/**
 * The code of a thread of a team: it opens the tools that are asked for on the heap, says that it is there, and serves the board.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { E } from '../../fp.js';
import { renderProblems } from '../../problem.js';
import { serve } from '../threads/board.js';
import { performer } from '../threads/calls.js';
import type { Enrolled } from '../threads/platform.js';
import { openTools } from '../threads/tools.js';

const { board, seat, memory, room, kind, native } = workerData as Enrolled;

/** The place in the heap that this thread was given. */
const allocate = (bytes: number): number => {
  if (bytes > room.bytes) throw new RangeError(`a thread needs ${bytes} bytes of the heap, and has ${room.bytes}`);
  return room.at;
};

const tools = await openTools({ memory, allocate }, kind, native);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort?.postMessage(E.isLeft(tools) ? renderProblems(tools.left) : undefined);
if (E.isRight(tools)) serve(board, performer(tools.right), seat);
