/**
 * Inline flags: `(?i)` at the start of a pattern, `(?i-s:...)` anywhere.
 */
import { complain, peek, type Cursor } from './cursor.js';
import type { Flags } from './syntax.js';

/** Flags turned on and off, and whether they hold for the whole pattern or for the group that they open. */
export interface InlineFlags {
  readonly scope: 'pattern' | 'group';
  readonly on: string;
  readonly off: string;
}

const isFlag = (ch: string): boolean => ch !== '' && 'aiLmsux'.includes(ch);

/** Whether flags, not another extension, stand at the cursor, which is behind `(?`. */
export const startsFlags = (c: Cursor): boolean => peek(c) === '-' || isFlag(peek(c));

const take = (c: Cursor): string => {
  let taken = '';
  while (isFlag(peek(c))) taken += c.text[c.pos++];
  return taken;
};

/** Reads flags up to `)` or `:`; the cursor is behind `(?`. */
export const parseInlineFlags = (c: Cursor): InlineFlags | undefined => {
  const at = c.pos;
  const on = take(c);
  const minus = peek(c) === '-';
  if (minus) c.pos += 1;
  const off = minus ? take(c) : '';
  const end = peek(c);
  const refuse = (what: string, hint = ''): undefined =>
    complain(c, at, 'inline flags that Python accepts', `${what} in (?${c.text.slice(at, c.pos + 1).join('')}`, hint);
  if (on.includes('L') || off.includes('L')) return refuse('the flag L', 'L is for bytes; leave it out');
  if (on.includes('a') && on.includes('u')) return refuse('both a and u');
  if (off.includes('a') || off.includes('u')) return refuse('an a or u that is turned off');
  if ([...on].some((f) => off.includes(f))) return refuse('a flag turned on and off');
  if (minus && off === '') return refuse('no flag after the minus');
  if (end !== ':' && (end !== ')' || minus)) return refuse(end === '' ? 'no closing bracket' : `the character ${end}`);
  c.pos += 1;
  return { scope: end === ')' ? 'pattern' : 'group', on, off };
};

/** `flags` with inline flags applied; `u` undoes `a`. */
export const withInline = (flags: Flags, { on, off }: InlineFlags): Flags => {
  const next = (before: boolean, flag: string): boolean => (before || on.includes(flag)) && !off.includes(flag);
  return {
    fold: next(flags.fold, 'i'),
    ascii: (flags.ascii || on.includes('a')) && !on.includes('u'),
    lines: next(flags.lines, 'm'),
    feed: next(flags.feed, 's'),
    verbose: next(flags.verbose, 'x'),
  };
};
