/**
 * Parser for Python's regular expressions (the `re` module of Python 3.11), into `Syntax`.
 *
 * What a linear-time matcher cannot do is refused by name: backreferences, lookbehind, atomic groups, possessive
 * quantifiers and conditionals. Lookahead is kept in the tree; `pattern.ts` accepts it at the start of a pattern.
 * Source: https://docs.python.org/3/library/re.html#regular-expression-syntax
 */
import { orProblems, type Result } from '../../../problem.js';
import { parseClass } from './classes.js';
import { complain, cursorOf, eat, eatWhile, isDigit, peek, point, refuse, type Cursor } from './cursor.js';
import { parseEscape } from './escapes.js';
import { parseGroup } from './groups.js';
import { parseInlineFlags, startsFlags, withInline } from './inline-flags.js';
import { char, empty, type Flags, type Syntax } from './syntax.js';

/** A pattern's tree and its named groups. */
export interface Parsed {
  readonly syntax: Syntax;
  /** Number of each named group. */
  readonly names: ReadonlyMap<string, number>;
}

/** The largest repetition that RE2 takes. */
export const MOST_REPEATS = 1000;

/** The deepest nesting of groups that is read. */
export const DEEPEST = 200;

/** Skips white space and comments under `(?x)`. */
const skipVerbose = (c: Cursor, flags: Flags): void => {
  if (!flags.verbose) return;
  for (;;) {
    const blank = eatWhile(c, (ch) => ' \t\n\r\v\f'.includes(ch));
    const comment = peek(c) === '#' ? eatWhile(c, (ch) => ch !== '\n') : '';
    if (blank === '' && comment === '') return;
  }
};

/** Bounds of `*`, `+`, `?` or `{m,n}` at the cursor; undefined where a brace is a literal. */
const parseBounds = (c: Cursor): readonly [min: number, max: number] | undefined => {
  const start = c.pos;
  if (eat(c, '*')) return [0, Infinity];
  if (eat(c, '+')) return [1, Infinity];
  if (eat(c, '?')) return [0, 1];
  c.pos += 1;
  if (peek(c) !== '}') {
    const low = eatWhile(c, isDigit);
    const comma = eat(c, ',');
    const high = comma ? eatWhile(c, isDigit) : low;
    if (eat(c, '}')) return [low === '' ? 0 : Number(low), high === '' ? Infinity : Number(high)];
  }
  c.pos = start;
  return undefined;
};

/** Applies a quantifier to the last item; false when the pattern is broken. */
const quantify = (c: Cursor, at: number, [min, max]: readonly [number, number], items: Syntax[]): boolean => {
  const item = items.pop();
  const found = c.text.slice(at, c.pos).join('');
  const lazy = eat(c, '?');
  const possessive = !lazy && eat(c, '+');
  const problems = c.problems.length;
  if (item === undefined || item._tag === 'Anchor')
    complain(c, at, 'something to repeat', found, `a literal ${found} is written \\${found}`);
  else if (item._tag === 'Repeat')
    complain(c, at, 'one quantifier', `a second one, ${found}`, 'put brackets around the first');
  else if (max < min) complain(c, at, 'bounds in order', found);
  if (c.problems.length > problems || item === undefined) return false;
  if (min > MOST_REPEATS || (max !== Infinity && max > MOST_REPEATS))
    refuse(c, at, `at most ${MOST_REPEATS} repetitions`, found, 'use * or + instead');
  if (possessive)
    refuse(c, at, 'a greedy or lazy quantifier', `the possessive quantifier ${found}+`, `write ${found} without the +`);
  items.push({ _tag: 'Repeat', item, min, max, lazy });
  return true;
};

/** One item that is not a quantifier. */
const parseAtom = (c: Cursor, flags: Flags): Syntax | undefined => {
  const ch = peek(c);
  if (ch === '\\') return parseEscape(c, flags);
  if (ch === '[') return parseClass(c, flags);
  if (ch === '(') return parseGroup(c, flags, parseAlternatives);
  c.pos += 1;
  if (ch === '.') return { _tag: 'Any', feed: flags.feed };
  if (ch === '^') return { _tag: 'Anchor', anchor: flags.lines ? 'LineStart' : 'Start' };
  if (ch === '$') return { _tag: 'Anchor', anchor: flags.lines ? 'LineEnd' : 'End' };
  return char(point(ch), flags);
};

/** Items up to `|`, `)` or the end. */
const parseSequence = (c: Cursor, flags: Flags): Syntax | undefined => {
  const items: Syntax[] = [];
  for (;;) {
    skipVerbose(c, flags);
    const at = c.pos;
    const ch = peek(c);
    if (ch === '' || ch === '|' || ch === ')') break;
    const bounds = '*+?{'.includes(ch) ? parseBounds(c) : undefined;
    if (bounds !== undefined) {
      if (!quantify(c, at, bounds, items)) return undefined;
      continue;
    }
    if (eat(c, '(?#')) {
      eatWhile(c, (x) => x !== ')');
      if (!eat(c, ')')) return complain(c, at, 'a closing )', 'an unterminated comment');
      continue;
    }
    const atom = parseAtom(c, flags);
    if (atom === undefined) return undefined;
    items.push(atom);
  }
  return { _tag: 'Concat', items };
};

/** Alternatives up to `)` or the end. */
const parseAlternatives = (c: Cursor, flags: Flags): Syntax | undefined => {
  if (c.depth >= DEEPEST) {
    refuse(c, c.pos, `at most ${DEEPEST} groups in each other`, 'a deeper one', 'make it simpler');
    return undefined;
  }
  c.depth += 1;
  const items: Syntax[] = [];
  do {
    const item = parseSequence(c, flags);
    if (item === undefined) return undefined;
    items.push(item);
  } while (eat(c, '|'));
  c.depth -= 1;
  return items.length === 1 ? items[0] : { _tag: 'Either', items };
};

/** Flags and comments at the start of the pattern. */
const parsePrelude = (c: Cursor): void => {
  for (;;) {
    skipVerbose(c, c.flags);
    const start = c.pos;
    if (eat(c, '(?#')) {
      eatWhile(c, (x) => x !== ')');
      if (eat(c, ')')) continue;
    } else if (eat(c, '(?') && startsFlags(c)) {
      const known = c.problems.length;
      const inline = parseInlineFlags(c);
      if (inline?.scope === 'pattern') {
        c.flags = withInline(c.flags, inline);
        continue;
      }
      c.problems.length = known;
    }
    c.pos = start;
    return;
  }
};

/** Parses `source`; problems name the construct, its position and what to write instead. */
export const parsePattern = (source: string, where: string): Result<Parsed> => {
  const c = cursorOf(source, where);
  parsePrelude(c);
  const syntax = parseAlternatives(c, c.flags);
  if (syntax !== undefined && peek(c) === ')')
    complain(c, c.pos, 'balanced brackets', 'a closing bracket without an opening one', 'a literal ) is written \\)');
  return orProblems(c.problems, () => ({ syntax: syntax ?? empty, names: c.names }));
};
