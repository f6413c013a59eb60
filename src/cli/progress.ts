/**
 * Progress in bytes, on a terminal that can redraw a line; silence elsewhere.
 */
import { Presets, SingleBar } from 'cli-progress';
import { showBytes } from './quantities.js';
import type { Terminal } from './terminal.js';

/** A piece of work that is under way. */
export interface Progress {
  /** Bytes done so far. Throws the reason of the interruption once the user has interrupted. */
  readonly update: (done: number) => void;
  /** Ends the display; the line stays. */
  readonly stop: () => void;
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

/** Starts a display of `total` bytes of work. */
export const startProgress = (label: string, total: number, terminal: Terminal, shown: boolean): Progress => {
  const bar = shown && terminal.interactive ? barOf(label, terminal) : undefined;
  bar?.start(total, 0, { done: showBytes(0), all: showBytes(total) });
  return {
    update: (done) => {
      terminal.signal.throwIfAborted();
      bar?.update(done, { done: showBytes(done) });
    },
    stop: () => bar?.stop(),
  };
};
