/**
 * Where a command reads nothing and writes everything: two streams and what they can show.
 */

/** The streams of a run; tests give their own. */
export interface Terminal {
  /** Data: one JSON document, or nothing. */
  readonly stdout: NodeJS.WritableStream;
  /** Everything that is for people. */
  readonly stderr: NodeJS.WritableStream;
  /** Whether stderr redraws lines, so that a progress bar makes sense. */
  readonly interactive: boolean;
  /** Whether stderr shows colours. */
  readonly color: boolean;
  /** Aborted when the user interrupts: long work then stops at its next step and leaves nothing behind. */
  readonly signal: AbortSignal;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's own terminal. Colours need a terminal and no `NO_COLOR` (https://no-color.org: any text but the empty one). */
export const processTerminal = (
  { stdout, stderr }: { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream },
  env: Environment,
  signal: AbortSignal,
): Terminal => {
  const interactive = stderr.isTTY && env['TERM'] !== 'dumb';
  return { stdout, stderr, interactive, color: interactive && (env['NO_COLOR'] ?? '') === '', signal };
};
