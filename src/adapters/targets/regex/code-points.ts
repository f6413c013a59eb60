/**
 * Sets of code points as sorted, disjoint ranges, and Python's character categories in these terms.
 */
import type { Range } from './syntax.js';

const LAST = 0x10ffff;

/** Sorted and merged. */
export const union = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const out: Array<[number, number]> = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else out.push([low, high]);
  }
  return out;
};

/** Every code point that is not in `ranges`. */
export const complement = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const sorted = union(ranges);
  const lows = [0, ...sorted.map(([, high]) => high + 1)];
  const highs = [...sorted.map(([low]) => low - 1), LAST];
  return lows.flatMap((low, i) => (low <= (highs[i] as number) ? [[low, highs[i] as number] as const] : []));
};

/** `\d \w \s` under `(?a)`. */
export const ASCII = {
  d: [[48, 57]],
  w: [
    [48, 57],
    [65, 90],
    [95, 95],
    [97, 122],
  ],
  s: [
    [9, 13],
    [32, 32],
  ],
} as const satisfies Record<string, ReadonlyArray<Range>>;

/** `\s`: what `str.isspace` accepts. */
export const SPACE: ReadonlyArray<Range> = [
  [0x09, 0x0d],
  [0x1c, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];

/** Runs `f` when its value is first asked for. */
const lazy = <A>(f: () => A): (() => A) => {
  let value: A | undefined;
  return () => (value ??= f());
};

/** `\w`: letters, numbers and the underscore. One pass over all code points, only for classes that mix `\W` with others. */
export const wordRanges: () => ReadonlyArray<Range> = lazy(() => {
  const isWord = /^[\p{L}\p{N}_]$/u;
  const out: Array<[number, number]> = [];
  for (let p = 0; p <= LAST; p++) {
    if (!isWord.test(String.fromCodePoint(p))) continue;
    const last = out.at(-1);
    if (last !== undefined && last[1] === p - 1) last[1] = p;
    else out.push([p, p]);
  }
  return out;
});

/** ASCII letters of `ranges` in both cases, and `ranges`. */
export const foldAscii = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const shifted = (low: number, high: number, by: number): ReadonlyArray<Range> =>
    ranges.flatMap(([a, b]) => {
      const from = Math.max(a, low);
      const to = Math.min(b, high);
      return from <= to ? [[from + by, to + by] as const] : [];
    });
  return union([...ranges, ...shifted(65, 90, 32), ...shifted(97, 122, -32)]);
};

/** The four letters i that Python takes for one under `(?i)`: i, I, dotless i, I with dot. Unicode's simple folding keeps two apart. */
const LETTERS_I: ReadonlyArray<Range> = [
  [0x49, 0x49],
  [0x69, 0x69],
  [0x130, 0x131],
];

/** Adds every letter i when one of them is there. */
export const foldLetterI = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> =>
  ranges.some(([low, high]) => LETTERS_I.some(([a, b]) => low <= b && high >= a))
    ? union([...ranges, ...LETTERS_I])
    : ranges;
