/**
 * Groups and the other extensions that start with a round bracket.
 */
import { complain, eat, eatWhile, peek, refuse, type Cursor } from './cursor.js';
import { parseInlineFlags, startsFlags, withInline } from './inline-flags.js';
import { empty, type Flags, type Syntax } from './syntax.js';

/** The parser of what stands inside a group. */
export type ParseInside = (c: Cursor, flags: Flags) => Syntax | undefined;

const closed = (c: Cursor, at: number, inside: Syntax | undefined): Syntax | undefined =>
  inside === undefined || eat(c, ')')
    ? inside
    : complain(c, at, 'a closing )', 'an unterminated group', 'a literal ( is written \\(');

/** A group that takes part in numbering. */
const parseCapture = (c: Cursor, at: number, flags: Flags, parse: ParseInside, name?: string): Syntax | undefined => {
  c.groups += 1;
  if (name !== undefined) c.names.set(name, c.groups);
  const item = closed(c, at, parse(c, flags));
  return item === undefined ? undefined : { _tag: 'Group', item, capture: true };
};

/** Reads a name up to `end`. */
const parseName = (c: Cursor, at: number, end: string): string | undefined => {
  const name = eatWhile(c, (ch) => ch !== end);
  if (!eat(c, end)) return complain(c, at, `a group name that ends with ${end}`, 'the end of the pattern');
  return /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)
    ? name
    : complain(c, at, 'an identifier as group name', `"${name}"`);
};

/** `(?P<name>...)` and `(?P=name)`; the cursor is behind `(?P`. */
const parseNamed = (c: Cursor, at: number, flags: Flags, parse: ParseInside): Syntax | undefined => {
  if (eat(c, '<')) {
    const name = parseName(c, at, '>');
    if (name === undefined) return undefined;
    return c.names.has(name)
      ? complain(c, at, 'each group name once', `"${name}" again`)
      : parseCapture(c, at, flags, parse, name);
  }
  if (eat(c, '=')) {
    const name = parseName(c, at, ')');
    if (name === undefined) return undefined;
    refuse(
      c,
      at,
      'a pattern without backreferences',
      `the backreference (?P=${name})`,
      'write out what the group may match',
    );
    return empty;
  }
  return complain(c, at, '(?P<name>...)', `(?P${peek(c)}`);
};

/** Constructs that are read, so that problems behind them are found too, and refused. */
const REFUSED: ReadonlyArray<readonly [opening: string, name: string, hint: string]> = [
  ['<=', 'a lookbehind', 'write what stands before as a part of the pattern'],
  ['<!', 'a negative lookbehind', 'use exclude_modules for names that must not match'],
  ['>', 'an atomic group', 'write (?:...)'],
];

/** A group or extension; the cursor is at the opening bracket. */
export const parseGroup = (c: Cursor, flags: Flags, parse: ParseInside): Syntax | undefined => {
  const at = c.pos;
  c.pos += 1;
  if (!eat(c, '?')) return parseCapture(c, at, flags, parse);
  if (eat(c, 'P')) return parseNamed(c, at, flags, parse);
  if (eat(c, ':')) {
    const item = closed(c, at, parse(c, flags));
    return item === undefined ? undefined : { _tag: 'Group', item, capture: false };
  }
  if (peek(c) === '=' || peek(c) === '!') {
    const negated = eat(c, '!') || !eat(c, '=');
    const item = closed(c, at, parse(c, flags));
    return item === undefined ? undefined : { _tag: 'Ahead', item, negated, at };
  }
  const refused = REFUSED.find(([opening]) => eat(c, opening));
  if (refused !== undefined) {
    refuse(c, at, 'a pattern that can be matched in linear time', `${refused[1]}, (?${refused[0]}...)`, refused[2]);
    return closed(c, at, parse(c, flags));
  }
  if (peek(c) === '(') {
    refuse(c, at, 'a pattern without conditionals', 'the conditional (?(...)', 'write both cases with |');
    return undefined;
  }
  if (!startsFlags(c)) return complain(c, at, 'a group', `(?${peek(c)}`, 'a literal ( is written \\(');
  const inline = parseInlineFlags(c);
  if (inline === undefined) return undefined;
  if (inline.scope === 'pattern')
    return complain(c, at, 'flags at the start of the pattern', `(?${inline.on})`, `write (?${inline.on}:...) here`);
  const item = closed(c, at, parse(c, withInline(flags, inline)));
  return item === undefined ? undefined : { _tag: 'Group', item, capture: false };
};
