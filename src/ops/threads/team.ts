/**
 * Threads that share the work of a call on the heap: each takes parts of it, of rows or elements, while there are some left.
 *
 * What a part computes does not depend on where it begins, so the number of threads and their pace do not show in the result.
 */
import { doTogether, type Board, type Call, type Perform } from './board.js';
import { numberOf, type Task } from './calls.js';

/** How a call is cut into parts. */
export interface Cut {
  /** The argument that counts units: rows or elements. */
  readonly counted: number;
  /** By how much an argument moves with each unit; those that are missing stay. */
  readonly steps: ReadonlyArray<number>;
  /** Operations a unit. */
  readonly work: number;
  /** A part has a multiple of so many units. */
  readonly grain: number;
}

/** Whoever does a call, alone or with others. */
export interface Team {
  /** Threads, this one among them. */
  readonly size: number;
  /** Operations below which a part is not worth telling others of. */
  readonly worth: number;
  /** Does a function with these arguments. */
  readonly share: (task: Task, args: ReadonlyArray<number>, cut: Cut) => void;
}

/** Some fifty microseconds of multiplications and additions: five times what it takes until another thread is at work. */
export const WORTH = 1_000_000;

/** Parts for each thread: a thread that is held up leaves some of its own to others. */
const PARTS = 2;

/** A call as calls for parts of its units; one where it is small. */
export const partsOf = (
  args: ReadonlyArray<number>,
  { counted, steps, work, grain }: Cut,
  { size, worth }: Pick<Team, 'size' | 'worth'>,
): ReadonlyArray<ReadonlyArray<number>> => {
  const count = args[counted] as number;
  const parts = Math.max(1, Math.min(PARTS * size, Math.floor((count * work) / worth)));
  const units = Math.ceil(count / parts / grain) * grain;
  if (units >= count) return [args];
  return Array.from({ length: Math.ceil(count / units) }, (_, i) => {
    const from = i * units;
    return args.map((x, j) => (j === counted ? Math.min(units, count - from) : x + from * (steps[j] ?? 0)));
  });
};

/** This thread alone. */
export const alone = (perform: Perform): Team => ({
  size: 1,
  worth: Infinity,
  share: (task, args) => perform(numberOf(task), args),
});

/** This thread with those that serve a board. */
export const together = (board: Board, perform: Perform, size: number, worth: number): Team => ({
  size,
  worth,
  share: (task, args, cut) => {
    const f = numberOf(task);
    const parts = partsOf(args, cut, { size, worth });
    if (parts.length === 1) return perform(f, args);
    doTogether(
      board,
      parts.map((part): Call => [f, ...part]),
      perform,
    );
  },
});
