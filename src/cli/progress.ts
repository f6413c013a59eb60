/**
 * Progress, on a terminal that can redraw a line; silence elsewhere.
 */
import { Presets, SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.js';

/** A piece of work that is under way. */
export interface Progress {
  /** How much is done so far. Throws the reason of the interruption once the user has interrupted. */
  readonly update: (done: number, total?: number) => void;
  /** Ends the display; the line stays. */
  readonly stop: () => void;
}

/** What is counted: bytes, or anything else. */
export interface Work {
  readonly label: string;
  readonly total: number;
  readonly show: (amount: number) => string;
}

const barOf = (label: string, terminal: Terminal): SingleBar =>
  new SingleBar(
    {
      format: `${label} [{bar}] {percentage}%  {done} of {all}  ETA {eta_formatted}`,
      stream: terminal.stderr,
      barsize: 30,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.legacy,
  );

/** Starts a display of some work. */
export const startProgress = ({ label, total, show }: Work, terminal: Terminal, shown: boolean): Progress => {
  const bar = shown && terminal.interactive ? barOf(label, terminal) : undefined;
  bar?.start(total, 0, { done: show(0), all: show(total) });
  return {
    update: (done, newTotal = total) => {
      terminal.signal.throwIfAborted();
      bar?.setTotal(newTotal);
      bar?.update(done, { done: show(done), all: show(newTotal) });
    },
    stop: () => bar?.stop(),
  };
};
