/**
 * The board on which a thread puts calls, and from which all threads of a team take them: shared memory, without messages.
 *
 * Each thread begins with calls of its own, which lie beside each other, so that it finds in its cache what it made of the same rows
 * before; then it takes what others have not begun, their last ones first.
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
  /** How often calls have been put up, how many there were, how many of them are over and how many failed, and for each slot whether it waits. */
  readonly state: Int32Array;
  readonly calls: Float64Array;
}

const [ROUND, COUNT, DONE, FAILED, WAITS] = [0, 1, 2, 3, 4] as const;

/** A thread of a team: its number, and how many there are. */
export interface Seat {
  readonly index: number;
  readonly of: number;
}

/** How often a thread looks for calls, about half a millisecond, before it lies down: what follows at once need not wake it. */
const LOOKS = 20_000;

/** An empty board. */
export const newBoard = (): Board => ({
  state: new Int32Array(new SharedArrayBuffer(4 * (WAITS + SLOTS))),
  calls: new Float64Array(new SharedArrayBuffer(8 * SLOTS * WIDTH)),
});

/** Does a call if it waits for someone; gives its error, if it fails. */
const attempt = ({ state, calls }: Board, slot: number, perform: Perform, errors: unknown[]): void => {
  if (Atomics.compareExchange(state, WAITS + slot, 1, 0) !== 1) return;
  const at = slot * WIDTH;
  try {
    perform(calls[at] as number, Array.from(calls.subarray(at + 2, at + 2 + (calls[at + 1] as number))));
  } catch (error) {
    errors.push(error);
    Atomics.add(state, FAILED, 1);
  }
  Atomics.add(state, DONE, 1);
};

/** Does what waits: the calls of a seat, then those of others. Gives the errors of those that failed. */
const doAll = (board: Board, perform: Perform, { index, of }: Seat): ReadonlyArray<unknown> => {
  const count = Atomics.load(board.state, COUNT);
  const errors: unknown[] = [];
  const [from, to] = [index, index + 1].map((i) => Math.floor((i * count) / of)) as [number, number];
  for (let slot = from; slot < to; slot++) attempt(board, slot, perform, errors);
  for (let slot = count - 1; slot >= 0; slot--) attempt(board, slot, perform, errors);
  return errors;
};

/**
 * Does calls together with whoever serves the board, and returns when all are over. They are done in no order.
 *
 * @param threads how many there are, of which this one is the first
 * @throws where calls failed, in this thread or another, with the error of the first that failed in this one
 */
export const doTogether = (board: Board, calls: ReadonlyArray<Call>, perform: Perform, threads: number): void => {
  const { state } = board;
  for (let from = 0; from < calls.length; from += SLOTS) {
    const some = calls.slice(from, from + SLOTS);
    some.forEach(([f, ...args], i) => board.calls.set([f, args.length, ...args], i * WIDTH));
    Atomics.store(state, DONE, 0);
    Atomics.store(state, FAILED, 0);
    Atomics.store(state, COUNT, some.length);
    // Who comes late from the round before finds calls of this one, which are as good.
    some.forEach((_, i) => Atomics.store(state, WAITS + i, 1));
    Atomics.add(state, ROUND, 1);
    Atomics.notify(state, ROUND);
    const errors = doAll(board, perform, { index: 0, of: threads });
    // What others have begun has to be over as well: it writes to the heap.
    while (Atomics.load(state, DONE) < some.length);
    const failed = Atomics.load(state, FAILED);
    if (failed > 0) throw new Error(`${failed} of ${some.length} calls failed`, { cause: errors[0] });
  }
};

/** Does calls for ever. */
export const serve = (board: Board, perform: Perform, seat: Seat): never => {
  const { state } = board;
  for (let seen = Atomics.load(state, ROUND), looks = 0; ; looks++) {
    if (looks === LOOKS) Atomics.wait(state, ROUND, seen);
    const round = Atomics.load(state, ROUND);
    if (round === seen) continue;
    // whoever put up those that fail is told by their count
    doAll(board, perform, seat);
    [seen, looks] = [round, 0];
  }
};
