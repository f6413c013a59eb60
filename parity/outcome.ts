/**
 * What checks come to, one by one and together.
 */

/** What a check came to. */
export type Outcome = 'pass' | 'fail' | 'todo' | 'n/a';

/** A check's outcome, its largest absolute error, and what there is to say. */
export interface Check {
  readonly outcome: Outcome;
  readonly maxError: number;
  readonly why: string;
}

/** All is as PEFT has it, up to `maxError`. */
export const pass = (maxError = 0): Check => ({ outcome: 'pass', maxError, why: '' });
/** Something differs; `why` says what. */
export const failed = (why: string, maxError = 0): Check => ({ outcome: 'fail', maxError, why });
/** Something that this version does not do. */
export const todo = (why: string): Check => ({ outcome: 'todo', maxError: 0, why });
/** There is nothing to compare. */
export const notApplicable = (why: string): Check => ({ outcome: 'n/a', maxError: 0, why });

/** The least good of several checks. */
export const worstOf = (checks: ReadonlyArray<Check>): Check => {
  const order: ReadonlyArray<Outcome> = ['fail', 'todo', 'pass', 'n/a'];
  const found = order.find((o) => checks.some((c) => c.outcome === o)) ?? 'n/a';
  return {
    outcome: found,
    maxError: Math.max(0, ...checks.map((c) => c.maxError)),
    why: checks
      .filter((c) => c.outcome === found && c.why !== '')
      .map((c) => c.why)
      .join('; '),
  };
};
