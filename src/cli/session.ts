/**
 * What a command may do to the outside while it runs.
 */
import { startProgress, type Progress, type Work } from './progress.js';
import { showBytes } from './quantities.js';
import { printable, styleOf, type Style } from './style.js';
import type { Terminal } from './terminal.js';

/** Tells how much of how much is done. */
export type Update = Progress['update'];

/** One run of a command. */
export interface Session {
  readonly style: Style;
  /** Tells people something that is worth knowing; silent under `--quiet`. */
  readonly note: (text: string) => void;
  /** Tells people something that may be wrong; silent under `--quiet`. */
  readonly warn: (text: string) => void;
  /** Shows work in bytes while `f` runs. */
  readonly working: <A>(label: string, f: (update: Update) => Promise<A>) => Promise<A>;
  /** Shows work in steps while `f` runs. */
  readonly counting: <A>(label: string, noun: string, f: (update: Update) => Promise<A>) => Promise<A>;
}

/** A session on a terminal. */
export const sessionOn = (terminal: Terminal, quiet: boolean): Session => {
  const style = styleOf(terminal.color);
  const say = (text: string): void => {
    if (!quiet) terminal.stderr.write(`${text}\n`);
  };
  const during = async <A>(work: Work, f: (update: Update) => Promise<A>): Promise<A> => {
    const progress = startProgress(work, terminal, !quiet);
    try {
      return await f(progress.update);
    } finally {
      progress.stop();
    }
  };
  return {
    style,
    note: (text) => say(`${style.faint('note')} ${printable(text)}`),
    warn: (text) => say(`${style.warning('warning')} ${printable(text)}`),
    working: (label, f) => during({ label, show: showBytes }, f),
    counting: (label, noun, f) => during({ label, show: (n) => `${n} ${noun}` }, f),
  };
};
