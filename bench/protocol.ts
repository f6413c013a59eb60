/**
 * What a bench asks of a contender, and what it answers: one JSON document a line, questions on stdin, answers on file descriptor 3,
 * so that nothing that a library prints can get between them. `serve.ts` answers in Node, `python/serve.py` in Python.
 */
import * as t from 'io-ts';

/** What is to be computed, as data that every contender of a bench understands. */
export type Task = Readonly<Record<string, unknown>>;

/** How a prepared task is run: the number of threads, for one. */
export type Variant = Readonly<Record<string, string | number | boolean>>;

/** A question. A prepared task stands until the next one is prepared. */
export type Question =
  /** Answered once everything is loaded. */
  | { readonly kind: 'start' }
  | { readonly kind: 'prepare'; readonly task: Task }
  /** Milliseconds of a run: the mean of as many runs as fill `least` milliseconds. */
  | { readonly kind: 'time'; readonly variant: Variant; readonly least: number }
  /** Some numbers of each thing that a run makes, and the milliseconds of the run. */
  | { readonly kind: 'values'; readonly variant: Variant };

/** An answer to any question: `start` and `prepare` have nothing to tell. */
export const Answer = t.union([
  t.type({ error: t.string }),
  t.type({ ms: t.number, values: t.array(t.array(t.number)) }),
  t.type({ ms: t.number }),
  t.type({}),
]);

export type Answer = t.TypeOf<typeof Answer>;

/** At most this many runs for one answer. */
export const MAX_REPETITIONS = 500;

/** Of everything that a run makes, about this many numbers are compared, spread evenly. */
export const MAX_VALUES = 4096;

/** Every n-th of `length` numbers makes about `MAX_VALUES`; n is odd, so that every column of a matrix is met. */
export const strideOf = (length: number): number => Math.floor(length / MAX_VALUES) | 1;
