/**
 * What the process says to its caller.
 */

/** 0: done. 1: something failed and nothing was written. 2: the command line is wrong. 3: a law is broken. */
export type ExitCode = 0 | 1 | 2 | 3;

/** The codes by name. */
export const exitCode = { ok: 0, failed: 1, usage: 2, broken: 3 } as const satisfies Readonly<Record<string, ExitCode>>;
