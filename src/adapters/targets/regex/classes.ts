/**
 * Character classes of Python's `re`: `[a-z_]`, `[^\W\d]`. Python has no POSIX classes and no set operations.
 */
import { complain, eat, peek, point, type Cursor } from './cursor.js';
import { parseClassEscape } from './escapes.js';
import type { ClassItem, Flags, Syntax } from './syntax.js';

/** One member or one end of a range. */
const parseEnd = (c: Cursor): ClassItem | undefined => {
  if (peek(c) === '\\') return parseClassEscape(c);
  const value = point(peek(c));
  c.pos += 1;
  return { _tag: 'Range', range: [value, value] };
};

/** A member, or a range when a dash and another end follow. */
const parseItem = (c: Cursor): ReadonlyArray<ClassItem> | undefined => {
  const at = c.pos;
  const low = parseEnd(c);
  if (low === undefined) return undefined;
  if (peek(c) !== '-' || peek(c, 1) === '' || peek(c, 1) === ']') return [low];
  c.pos += 1;
  const high = parseEnd(c);
  if (high === undefined) return undefined;
  const found = c.text.slice(at, c.pos).join('');
  if (low._tag === 'Category' || high._tag === 'Category')
    return complain(c, at, 'two characters as the ends of a range', found, 'escape the dash: \\-');
  return low.range[0] > high.range[0]
    ? complain(c, at, 'a range whose first character comes first', found)
    : [{ _tag: 'Range', range: [low.range[0], high.range[0]] }];
};

/** A class; the cursor is at the opening bracket. */
export const parseClass = (c: Cursor, flags: Flags): Syntax | undefined => {
  const at = c.pos;
  c.pos += 1;
  const negated = eat(c, '^');
  const items: ClassItem[] = [];
  while (items.length === 0 || peek(c) !== ']') {
    if (peek(c) === '') return complain(c, at, 'a closing ]', 'an unterminated class', 'a literal [ is written \\[');
    const parsed = parseItem(c);
    if (parsed === undefined) return undefined;
    items.push(...parsed);
  }
  c.pos += 1;
  return { _tag: 'Class', items, negated, letters: flags };
};
