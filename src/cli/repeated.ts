/**
 * Options that may be given several times.
 */

/** Collects the values of an option in order; the parser calls it for each one. */
export const repeated = (value: string, before: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...before,
  value,
];
