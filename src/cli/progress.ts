/**
 * Progress, on a terminal that can redraw a line; silence elsewhere.
 */
import { Presets, SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.js';

/** A piece of work that is under way. */
export interface Progress {
  /** How much of how much is done. Throws the reason of the interruption once the user has interrupted. */
  readonly update: (done: number, total: number) => void;
  /** Ends the display; the line stays. */
  readonly stop: () => void;
}

/** What is done, and how amounts of it are shown. */
export interface Work {
  readonly label: string;
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

/** Starts a display of some work; it shows from the first update on, which brings the total. */
export const startProgress = ({ label, show }: Work, terminal: Terminal, shown: boolean): Progress => {
  const bar = shown && terminal.interactive ? barOf(label, terminal) : undefined;
  return {
    update: (done, total) => {
      terminal.signal.throwIfAborted();
      if (bar === undefined) return;
      const payload = { done: show(done), all: show(total) };
      if (!bar.isActive) bar.start(total, 0, payload);
      bar.update(done, payload);
    },
    stop: () => bar?.stop(),
  };
};
