/**
 * What a command may do to the outside while it runs.
 */
import { startProgress, type Progress } from './progress.js';
import { printable, styleOf, type Style } from './style.js';
import type { Terminal } from './terminal.js';

/** One run of a command. */
export interface Session {
  readonly style: Style;
  /** Tells people something that is worth knowing; silent under `--quiet`. */
  readonly note: (text: string) => void;
  /** Tells people something that may be wrong; silent under `--quiet`. */
  readonly warn: (text: string) => void;
  /** Shows work in bytes while `f` runs. */
  readonly working: <A>(label: string, total: number, f: (progress: Progress) => Promise<A>) => Promise<A>;
}

/** A session on a terminal. */
export const sessionOn = (terminal: Terminal, quiet: boolean): Session => {
  const style = styleOf(terminal.color);
  const say = (text: string): void => {
    if (!quiet) terminal.stderr.write(`${text}\n`);
  };
  return {
    style,
    note: (text) => say(`${style.faint('note')} ${printable(text)}`),
    warn: (text) => say(`${style.warning('warning')} ${printable(text)}`),
    working: async (label, total, f) => {
      const progress = startProgress(label, total, terminal, !quiet);
      try {
        return await f(progress);
      } finally {
        progress.stop();
      }
    },
  };
};
