/**
 * Emphasis for terminals that show it.
 */

/** A way to emphasise a piece of one line. */
export type Paint = (text: string) => string;

/** Emphasis by meaning. */
export interface Style {
  readonly title: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
  readonly faint: Paint;
}

const sgr =
  (code: number): Paint =>
  (text) =>
    `\x1b[${code}m${text}\x1b[0m`;

const plain: Paint = (text) => text;

/** Escape sequences when `color`, the text itself otherwise. */
export const styleOf = (color: boolean): Style =>
  color
    ? { title: sgr(1), good: sgr(32), bad: sgr(31), warning: sgr(33), faint: sgr(2) }
    : { title: plain, good: plain, bad: plain, warning: plain, faint: plain };

/** Text from files without the control characters that could drive a terminal; line breaks and tabs become spaces. */
export const printable = (text: string): string =>
  text.replace(/[\n\t]/g, ' ').replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, (c) => {
    const code = (c.codePointAt(0) as number).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
