/**
 * Writes a syntax tree in RE2's notation.
 */
import { ASCII, complement, foldAscii, foldLetterI, SPACE, wordRanges } from './code-points.js';
import type { Anchor, ClassItem, Letters, Range, Syntax } from './syntax.js';

/**
 * What Python's `$` becomes. RE2 has no test for "before the last line feed", so a pattern is compiled twice: `text` for
 * texts that do not end with a line feed, `line` for those that do.
 */
export type DollarAs = 'text' | 'line';

const showPoint = (p: number): string =>
  (p >= 48 && p <= 57) || (p >= 65 && p <= 90) || (p >= 97 && p <= 122)
    ? String.fromCharCode(p)
    : `\\x{${p.toString(16)}}`;

const showRange = ([low, high]: Range): string =>
  low === high ? showPoint(low) : `${showPoint(low)}-${showPoint(high)}`;

/** RE2's notation of a category inside a class. */
const showCategory = (item: ClassItem & { readonly _tag: 'Category' }, { ascii }: Letters): string => {
  const ranges = (rs: ReadonlyArray<Range>): string => (item.negated ? complement(rs) : rs).map(showRange).join('');
  if (ascii) return ranges(ASCII[item.category]);
  if (item.category === 's') return ranges(SPACE);
  if (item.category === 'd') return item.negated ? '\\P{Nd}' : '\\p{Nd}';
  return item.negated ? complement(wordRanges()).map(showRange).join('') : '\\p{L}\\p{N}_';
};

/** Under `(?i)` RE2 folds letters itself, except under `(?a)`, where only ASCII letters fold. */
const emitClass = (items: ReadonlyArray<ClassItem>, negated: boolean, letters: Letters): string => {
  const [only] = items;
  if (items.length === 1 && only?._tag === 'Category' && only.category === 'w' && !letters.ascii)
    return `[${only.negated === negated ? '' : '^'}\\p{L}\\p{N}_]`;
  const plain = items.flatMap((i) => (i._tag === 'Range' ? [i.range] : []));
  const ranges = !letters.fold ? plain : letters.ascii ? foldAscii(plain) : foldLetterI(plain);
  const categories = items.flatMap((i) => (i._tag === 'Category' ? [showCategory(i, letters)] : []));
  const [first] = ranges;
  const single =
    ranges.length === 1 && categories.length === 0 && !negated && first !== undefined && first[0] === first[1];
  const body = single
    ? showPoint(first[0])
    : `[${negated ? '^' : ''}${ranges.map(showRange).join('')}${categories.join('')}]`;
  return letters.fold && !letters.ascii && plain.length > 0 ? `(?i:${body})` : body;
};

const ANCHORS: Readonly<Record<Exclude<Anchor, 'End'>, string>> = {
  Start: '\\A',
  LineStart: '(?m:^)',
  LineEnd: '(?m:$)',
  TextEnd: '\\z',
  Word: '\\b',
  NotWord: '\\B',
};

const quantifier = (min: number, max: number): string => {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === 0 && max === 1 ? '?' : min === max ? `{${min}}` : `{${min},${max}}`;
};

/** The tree as RE2 source; groups capture when `captures`. Lookahead must have been taken out before. */
export const emit = (s: Syntax, dollar: DollarAs, captures = true): string => {
  const inside = (item: Syntax): string => emit(item, dollar, captures);
  switch (s._tag) {
    case 'Class':
      return emitClass(s.items, s.negated, s.letters);
    case 'Any':
      return s.feed ? '(?s:.)' : '[^\\n]';
    case 'Anchor':
      return s.anchor !== 'End' ? ANCHORS[s.anchor] : dollar === 'text' ? '\\z' : '(?m:$)';
    case 'Concat':
      return s.items.map(inside).join('');
    case 'Either':
      return `(?:${s.items.map(inside).join('|')})`;
    case 'Group':
      return `(${captures && s.capture ? '' : '?:'}${inside(s.item)})`;
    case 'Repeat':
      return `(?:${inside(s.item)})${quantifier(s.min, s.max)}${s.lazy ? '?' : ''}`;
    case 'Ahead':
      throw new Error('emit: lookahead inside a tree');
  }
};
