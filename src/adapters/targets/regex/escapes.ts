/**
 * Backslash escapes of Python's `re`, outside and inside character classes.
 */
import {
  complain,
  eatWhile,
  isAsciiLetter,
  isDigit,
  isHex,
  isOctal,
  peek,
  point,
  refuse,
  type Cursor,
} from './cursor.js';
import { char, empty, type Anchor, type ClassItem, type Flags, type Syntax } from './syntax.js';

const CONTROL: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
  ['\\', 92],
]);

const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

const ANCHORS: ReadonlyMap<string, Anchor> = new Map([
  ['A', 'Start'],
  ['Z', 'TextEnd'],
  ['z', 'TextEnd'],
  ['b', 'Word'],
  ['B', 'NotWord'],
]);

/** `\d \w \s \D \W \S` as a class member. */
const categoryOf = (ch: string): ClassItem | undefined => {
  const category = ch.toLowerCase();
  return category === 'd' || category === 'w' || category === 's'
    ? { _tag: 'Category', category, negated: ch !== category }
    : undefined;
};

/** Code point of an escape that stands for one character; the cursor is behind the backslash, at `ch`. */
const pointOf = (c: Cursor, at: number, ch: string): number | undefined => {
  const control = CONTROL.get(ch);
  const digits = HEX_DIGITS.get(ch);
  c.pos += 1;
  if (control !== undefined) return control;
  if (digits !== undefined) {
    const hex = eatWhile(c, isHex, digits);
    const value = Number.parseInt(hex, 16);
    return hex.length === digits && value <= 0x10ffff
      ? value
      : complain(c, at, `${digits} hexadecimal digits of a character`, `\\${ch}${hex}`);
  }
  if (ch === 'N') {
    refuse(c, at, 'a character', 'a character by name, \\N{...}', 'write the character itself');
    return undefined;
  }
  if (ch === '') return complain(c, at, 'a character after the backslash', 'the end of the pattern');
  if (isAsciiLetter(ch))
    return complain(c, at, 'an escape that Python knows', `\\${ch}`, `write ${ch} without the backslash`);
  return point(ch);
};

/** Value of octal digits, at most \377. */
const octal = (c: Cursor, at: number, digits: string): number | undefined => {
  const value = Number.parseInt(digits, 8);
  return value <= 0o377 ? value : complain(c, at, 'an octal escape up to \\377', `\\${digits}`);
};

/** `\1` is a group, `\0`, `\012` and `\123` are characters; the cursor is at the first digit. */
const numbered = (c: Cursor, at: number, flags: Flags): Syntax | undefined => {
  const isZero = peek(c) === '0';
  const isOctalEscape = isZero || (isOctal(peek(c)) && isOctal(peek(c, 1)) && isOctal(peek(c, 2)));
  if (isOctalEscape) {
    const value = octal(c, at, eatWhile(c, isOctal, 3));
    return value === undefined ? undefined : char(value, flags);
  }
  const group = eatWhile(c, isDigit, 2);
  refuse(
    c,
    at,
    'a pattern without backreferences',
    `the backreference \\${group}`,
    'write out what the group may match',
  );
  return empty;
};

/** An escape outside of classes; the cursor is at the backslash. */
export const parseEscape = (c: Cursor, flags: Flags): Syntax | undefined => {
  const at = c.pos;
  c.pos += 1;
  const ch = peek(c);
  const anchor = ANCHORS.get(ch);
  if (anchor !== undefined) {
    c.pos += 1;
    return { _tag: 'Anchor', anchor };
  }
  const category = categoryOf(ch);
  if (category !== undefined) {
    c.pos += 1;
    return { _tag: 'Class', items: [category], negated: false, letters: flags };
  }
  if (isDigit(ch)) return numbered(c, at, flags);
  const value = pointOf(c, at, ch);
  return value === undefined ? undefined : char(value, flags);
};

/** An escape inside a class: `\b` is the backspace, digits are octal; the cursor is at the backslash. */
export const parseClassEscape = (c: Cursor): ClassItem | undefined => {
  const at = c.pos;
  c.pos += 1;
  const ch = peek(c);
  const category = categoryOf(ch);
  if (category !== undefined) {
    c.pos += 1;
    return category;
  }
  if (isDigit(ch) && !isOctal(ch)) return complain(c, at, 'an escape that Python knows', `\\${ch} in a class`);
  if (ch === 'b') c.pos += 1;
  const value = ch === 'b' ? 8 : isOctal(ch) ? octal(c, at, eatWhile(c, isOctal, 3)) : pointOf(c, at, ch);
  return value === undefined ? undefined : { _tag: 'Range', range: [value, value] };
};
