/**
 * A position in a pattern's text, shared by the parts of the parser.
 */
import { problem, type Problem } from '../../../problem.js';
import { noFlags, type Flags } from './syntax.js';

/** Parser state; it lives only as long as one call of `parsePattern`. */
export interface Cursor {
  /** Code points of the pattern. */
  readonly text: ReadonlyArray<string>;
  /** Where the pattern stands, for problems. */
  readonly where: string;
  readonly problems: Problem[];
  readonly names: Map<string, number>;
  pos: number;
  /** Capture groups opened so far. */
  groups: number;
  depth: number;
  /** Flags of `(?i)` and its like at the start of the pattern. */
  flags: Flags;
}

/** A cursor at the start of `source`. */
export const cursorOf = (source: string, where: string): Cursor => ({
  text: Array.from(source),
  where,
  problems: [],
  names: new Map(),
  pos: 0,
  groups: 0,
  depth: 0,
  flags: noFlags,
});

/** The character at the cursor plus `ahead`; the empty string past the end. */
export const peek = (c: Cursor, ahead = 0): string => c.text[c.pos + ahead] ?? '';

/** Takes `expected` if it stands at the cursor. */
export const eat = (c: Cursor, expected: string): boolean => {
  const chars = Array.from(expected);
  if (!chars.every((ch, i) => peek(c, i) === ch)) return false;
  c.pos += chars.length;
  return true;
};

/** Takes up to `most` characters for which `test` holds. */
export const eatWhile = (c: Cursor, test: (ch: string) => boolean, most = Infinity): string => {
  let taken = '';
  for (let n = 0; n < most && peek(c) !== '' && test(peek(c)); n++) taken += c.text[c.pos++];
  return taken;
};

/** Notes an error of syntax at offset `at`; the parser stops. */
export const complain = (c: Cursor, at: number, expected: string, found: string, hint = ''): undefined => {
  c.problems.push(problem(c.where, expected, `${found} at position ${at}`, hint));
  return undefined;
};

/** Notes a construct that Python accepts and linear-time matching does not; the parser goes on. */
export const refuse = (c: Cursor, at: number, expected: string, found: string, hint: string): void => {
  c.problems.push({ ...problem(c.where, expected, `${found} at position ${at}`, hint), unsupported: true });
};

/** Code point of a one-character string. */
export const point = (ch: string): number => ch.codePointAt(0) as number;

export const isDigit = (ch: string): boolean => ch >= '0' && ch <= '9' && ch.length === 1;
export const isOctal = (ch: string): boolean => ch >= '0' && ch <= '7' && ch.length === 1;
export const isHex = (ch: string): boolean => /^[0-9a-fA-F]$/.test(ch);
export const isAsciiLetter = (ch: string): boolean => /^[a-zA-Z]$/.test(ch);
