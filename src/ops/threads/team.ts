/**
 * Threads that share the work of a call on the heap: each takes parts of it, of rows or elements, while there are some left.
 *
 * What a part computes does not depend on where it begins, so the number of threads and their pace do not show in the result.
 */
import { doTogether, type Board, type Call, type Perform } from './board.js';
import { numberOf, type Task } from './calls.js';
import { partsOf, type Cut, type Limits } from './cut.js';

/** Whoever does a call, alone or with others. */
export interface Team extends Limits {
  /** Threads, this one among them. */
  readonly size: number;
  /** Does a function with these arguments. */
  readonly share: (task: Task, args: ReadonlyArray<number>, cut: Cut) => void;
}

/** Some fifty microseconds of multiplications and additions: five times what it takes until another thread is at work. */
export const WORTH = 1_000_000;

/** Parts for each thread: one that is held up leaves some of its own to others, and each part packs a factor again. */
const PARTS = 3;

/** This thread alone. */
export const alone = (perform: Perform): Team => ({
  size: 1,
  parts: 1,
  worth: Infinity,
  share: (task, args) => perform(numberOf(task), args),
});

/** This thread with those that serve a board. */
export const together = (board: Board, perform: Perform, size: number, worth: number): Team => {
  const most = { parts: PARTS * size, worth };
  return {
    size,
    ...most,
    share: (task, args, cut) => {
      const f = numberOf(task);
      const parts = partsOf(args, cut, most);
      if (parts.length === 1) return perform(f, args);
      const calls = parts.map((part): Call => [f, ...part]);
      doTogether(board, calls, perform, size);
    },
  };
};
