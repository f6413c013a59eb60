/**
 * The board on which a thread puts calls, and from which all threads of a team take them: shared memory, without messages.
 *
 * Calls are numbered for ever. `end` counts those put up, `next` those taken and `done` those that are over; the board holds the last few.
 */

/** Calls that the board holds. */
export const SLOTS = 64;

/** Numbers of a call: a function, how many arguments follow, and they. */
const WIDTH = 24;

/** A function by its place in a table, and its arguments. */
export type Call = readonly [f: number, ...args: number[]];

/** What does a call. */
export type Perform = (f: number, args: ReadonlyArray<number>) => void;

/** The board, which may be sent to threads as it is. */
export interface Board {
  /** The counts `next`, `end`, `done`, and how many calls have failed. */
  readonly counts: Int32Array;
  readonly calls: Float64Array;
}

const [NEXT, END, DONE, FAILED] = [0, 1, 2, 3] as const;

/** How often a thread looks for calls, about half a millisecond, before it lies down: what follows at once need not wake it. */
const LOOKS = 20_000;

/** An empty board. */
export const newBoard = (): Board => ({
  counts: new Int32Array(new SharedArrayBuffer(16)),
  calls: new Float64Array(new SharedArrayBuffer(8 * SLOTS * WIDTH)),
});

const slotOf = (call: number): number => ((call >>> 0) % SLOTS) * WIDTH;

/** Takes a call and does it; false where none is left. */
const doOne = ({ counts, calls }: Board, perform: Perform): boolean => {
  const next = Atomics.load(counts, NEXT);
  if (next === Atomics.load(counts, END)) return false;
  // counts wrap around, after 2^32 calls
  if (Atomics.compareExchange(counts, NEXT, next, (next + 1) | 0) !== next) return true;
  const at = slotOf(next);
  try {
    perform(calls[at] as number, Array.from(calls.subarray(at + 2, at + 2 + (calls[at + 1] as number))));
  } catch (error) {
    Atomics.add(counts, FAILED, 1);
    throw error;
  } finally {
    Atomics.add(counts, DONE, 1);
  }
  return true;
};

/** Does calls until none is left, and gives the errors of those that failed. */
const doAll = (board: Board, perform: Perform): ReadonlyArray<unknown> => {
  const errors: unknown[] = [];
  for (let left = true; left;)
    try {
      left = doOne(board, perform);
    } catch (error) {
      errors.push(error);
    }
  return errors;
};

/**
 * Does calls together with whoever serves the board, and returns when all are over. They are done in no order.
 *
 * @throws where calls failed, in this thread or another, with the error of the first that failed in this one
 */
export const doTogether = (board: Board, calls: ReadonlyArray<Call>, perform: Perform): void => {
  const { counts } = board;
  for (let from = 0; from < calls.length; from += SLOTS) {
    const some = calls.slice(from, from + SLOTS);
    const begin = Atomics.load(counts, END);
    some.forEach(([f, ...args], i) => board.calls.set([f, args.length, ...args], slotOf(begin + i)));
    const end = (begin + some.length) | 0;
    Atomics.store(counts, END, end);
    Atomics.notify(counts, END);
    const errors = doAll(board, perform);
    // What others have begun has to be over as well: it writes to the heap.
    while (Atomics.load(counts, DONE) !== end);
    const failed = Atomics.exchange(counts, FAILED, 0);
    if (failed > 0) throw new Error(`${failed} of ${some.length} calls failed`, { cause: errors[0] });
  }
};

/** Does calls for ever. */
export const serve = (board: Board, perform: Perform): never => {
  const { counts } = board;
  for (let seen = Atomics.load(counts, END), looks = 0; ; looks++) {
    if (looks === LOOKS) Atomics.wait(counts, END, seen);
    const end = Atomics.load(counts, END);
    if (end === seen) continue;
    // whoever put up those that fail is told by their count
    doAll(board, perform);
    [seen, looks] = [end, 0];
  }
};
