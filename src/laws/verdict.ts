/**
 * Verdicts: what a law says about some values, as data.
 */

/** Whether a law holds, and where it does not. */
export interface Verdict {
  /** Name of the law. */
  readonly law: string;
  readonly holds: boolean;
  /** What was expected and found; empty when the law holds, or why it was not checked. */
  readonly detail: string;
  /** The key with the largest error, or the first key that breaks the law. */
  readonly at?: string;
  /** The largest error in units in the last place of the magnitude that the law's bound is stated in. */
  readonly ulps?: number;
}

/** A verdict before it knows its law. */
export type Finding = Omit<Verdict, 'law'>;

/** Nothing to object to. */
export const fine: Finding = { holds: true, detail: '' };

/** A law broken at a key. */
export const broken = (detail: string, at?: string): Finding => ({
  holds: false,
  detail,
  ...(at === undefined ? {} : { at }),
});

/** `fine` where a condition is true. */
export const expect = (condition: boolean, detail: string, at?: string): Finding =>
  condition ? fine : broken(detail, at);

/** The first broken finding; of good ones that with the largest error. */
export const together = (findings: ReadonlyArray<Finding>): Finding =>
  findings.find((f) => !f.holds) ??
  findings.reduce((worst, f) => ((f.ulps ?? -1) > (worst.ulps ?? -1) ? f : worst), fine);
