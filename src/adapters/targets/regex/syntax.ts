/**
 * Syntax tree of a Python regular expression, with every flag resolved to the node it acts on.
 */

/** How letters compare: `fold` under `(?i)`, `ascii` under `(?a)`. */
export interface Letters {
  readonly fold: boolean;
  readonly ascii: boolean;
}

/** Inclusive range of code points. */
export type Range = readonly [low: number, high: number];

/** A member of a character class: a range, or one of `\d \w \s` and their complements `\D \W \S`. */
export type ClassItem =
  | { readonly _tag: 'Range'; readonly range: Range }
  | { readonly _tag: 'Category'; readonly category: 'd' | 'w' | 's'; readonly negated: boolean };

/** Zero-width tests. `End` is Python's `$`: at the end or before a line feed that ends the text; `TextEnd` is `\Z`. */
export type Anchor = 'Start' | 'LineStart' | 'End' | 'LineEnd' | 'TextEnd' | 'Word' | 'NotWord';

/** A node of the tree; `at` is its offset in the pattern, in code points. */
export type Syntax =
  | {
      readonly _tag: 'Class';
      readonly items: ReadonlyArray<ClassItem>;
      readonly negated: boolean;
      readonly letters: Letters;
    }
  | { readonly _tag: 'Any'; readonly feed: boolean }
  | { readonly _tag: 'Anchor'; readonly anchor: Anchor }
  | { readonly _tag: 'Concat'; readonly items: ReadonlyArray<Syntax> }
  | { readonly _tag: 'Either'; readonly items: ReadonlyArray<Syntax> }
  | { readonly _tag: 'Group'; readonly item: Syntax; readonly capture: boolean }
  | { readonly _tag: 'Ahead'; readonly item: Syntax; readonly negated: boolean; readonly at: number }
  | {
      readonly _tag: 'Repeat';
      readonly item: Syntax;
      readonly min: number;
      /** `Infinity` for no bound. */
      readonly max: number;
      readonly lazy: boolean;
    };

/** Flags in force at one place of a pattern. */
export interface Flags extends Letters {
  /** `(?m)`. */
  readonly lines: boolean;
  /** `(?s)`. */
  readonly feed: boolean;
  /** `(?x)`. */
  readonly verbose: boolean;
}

/** Python's flags for a `str` pattern. */
export const noFlags: Flags = { fold: false, ascii: false, lines: false, feed: false, verbose: false };

/** A class of one code point. */
export const char = (point: number, letters: Letters): Syntax => ({
  _tag: 'Class',
  items: [{ _tag: 'Range', range: [point, point] }],
  negated: false,
  letters,
});

/** Matches the empty string. */
export const empty: Syntax = { _tag: 'Concat', items: [] };

/** Unicode's letters are hundreds of ranges; a class that holds them costs this much, one that mixes `\W` with others more. */
const WORD_STEPS = 20;
const MIXED_STEPS = 800;

const classSteps = (items: ReadonlyArray<ClassItem>, { ascii }: Letters): number => {
  const words = items.filter((i) => i._tag === 'Category' && i.category === 'w');
  const mixed = items.length > 1 && words.some((i) => i._tag === 'Category' && i.negated);
  return ascii || words.length === 0 ? items.length : mixed ? MIXED_STEPS : WORD_STEPS;
};

/** Instructions that a matcher needs, about: bounded repetition is unrolled. */
export const stepsOf = (s: Syntax): number => {
  switch (s._tag) {
    case 'Class':
      return classSteps(s.items, s.letters);
    case 'Any':
    case 'Anchor':
      return 1;
    case 'Concat':
    case 'Either':
      return s.items.reduce((n, item) => n + stepsOf(item), 1);
    case 'Group':
    case 'Ahead':
      return 2 + stepsOf(s.item);
    case 'Repeat':
      return 1 + stepsOf(s.item) * Math.max(1, s.max === Infinity ? s.min + 1 : s.max);
  }
};
