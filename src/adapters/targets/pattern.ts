/**
 * Regular expressions of adapter configs, with Python's meaning, matched in linear time.
 *
 * A config comes from strangers and Python's backtracking matcher can take exponential time on `(a+)+$`. Patterns are
 * therefore translated to RE2, which needs time proportional to pattern times text. Lookahead at the very start of a
 * pattern, as in `(?!.*vision).*q_proj`, is a test of its own; anywhere else it is refused.
 *
 * Two limits remain, neither met by module names: `\b` sees only ASCII letters as word characters, and `$` before the
 * last of several line feeds also matches before the earlier ones.
 */
import { RE2JS } from 're2js';
import { E, F } from '../../fp.js';
import { all, fail, problem, type Problem, type Problems, type Result } from '../../problem.js';
import { emit, type DollarAs } from './regex/emit.js';
import { parsePattern } from './regex/parse.js';
import { stepsOf, type Syntax } from './regex/syntax.js';

/** The longest pattern that is read, in characters. */
export const LONGEST_PATTERN = 32_768;

/** The most steps that a pattern may have when its bounded repetitions are written out. */
export const MOST_STEPS = 50_000;

/** One expression, compiled for texts that end with a line feed and for all others. */
interface Programs {
  readonly text: RE2JS;
  readonly line: RE2JS;
}

/** A compiled pattern. */
export interface Pattern {
  readonly source: string;
  readonly body: Programs;
  /** Lookaheads at the start: each must match at the start of the text, or must not. */
  readonly conditions: ReadonlyArray<{ readonly negated: boolean; readonly programs: Programs }>;
  /** Number of each named group. */
  readonly names: ReadonlyMap<string, number>;
}

type Ahead = Syntax & { readonly _tag: 'Ahead' };

/** Lookaheads at the start, and the rest of the pattern. */
const splitAheads = (s: Syntax): { readonly aheads: ReadonlyArray<Ahead>; readonly rest: Syntax } => {
  if (s._tag !== 'Concat') return { aheads: [], rest: s };
  const isStart = (item: Syntax): boolean =>
    item._tag === 'Ahead' || (item._tag === 'Anchor' && (item.anchor === 'Start' || item.anchor === 'LineStart'));
  const end = s.items.findIndex((item) => !isStart(item));
  const cut = end < 0 ? s.items.length : end;
  return {
    aheads: s.items.slice(0, cut).filter((item) => item._tag === 'Ahead'),
    rest: { _tag: 'Concat', items: s.items.filter((item, i) => i >= cut || item._tag !== 'Ahead') },
  };
};

/** Lookaheads anywhere in a tree. */
const aheadsIn = (s: Syntax): ReadonlyArray<Ahead> => {
  switch (s._tag) {
    case 'Ahead':
      return [s];
    case 'Concat':
    case 'Either':
      return s.items.flatMap(aheadsIn);
    case 'Group':
    case 'Repeat':
      return aheadsIn(s.item);
    default:
      return [];
  }
};

const refuseAhead = (where: string, { negated, at }: Ahead): Problem => ({
  ...problem(
    where,
    'lookahead only at the start of the pattern',
    `${negated ? 'a negative lookahead, (?!...)' : 'a lookahead, (?=...)'} at position ${at}`,
    negated ? 'move it to the start, or use exclude_modules' : 'write what it looks for as a part of the pattern',
  ),
  unsupported: true,
});

const usesDollar = (s: Syntax): boolean => {
  switch (s._tag) {
    case 'Anchor':
      return s.anchor === 'End';
    case 'Concat':
    case 'Either':
      return s.items.some(usesDollar);
    case 'Group':
    case 'Repeat':
    case 'Ahead':
      return usesDollar(s.item);
    default:
      return false;
  }
};

/** RE2 programs of a tree without lookahead. */
const compile = (s: Syntax, where: string, captures: boolean): Result<Programs> => {
  const program = (dollar: DollarAs): RE2JS => RE2JS.compile(emit(s, dollar, captures));
  return E.tryCatch(
    () => {
      const text = program('text');
      return { text, line: usesDollar(s) ? program('line') : text };
    },
    (error): Problems => {
      const found = error instanceof Error ? error.message : String(error);
      return [{ ...problem(where, 'a pattern that RE2 accepts', found, 'make it simpler'), unsupported: true }];
    },
  );
};

/**
 * Compiles a Python regular expression; `at` says where it stands. Problems: Python's syntax errors, constructs that have no
 * linear-time matcher (each with its position and what to write instead), and patterns beyond `LONGEST_PATTERN`,
 * `MOST_STEPS` or RE2's own limit of 1000 repetitions.
 */
export const compilePattern = (source: string, at: string): Result<Pattern> => {
  if (source.length > LONGEST_PATTERN)
    return fail(at, `a pattern of at most ${LONGEST_PATTERN} characters`, `${source.length}`, 'list the names instead');
  const where = `${at}: pattern "${source.length > 200 ? `${source.slice(0, 200)}...` : source}"`;
  return F.pipe(
    parsePattern(source, where),
    E.chain(({ syntax, names }) => {
      const { aheads, rest } = splitAheads(syntax);
      const misplaced = [...aheads.map((a) => a.item), rest].flatMap(aheadsIn).map((a) => refuseAhead(where, a));
      const [first, ...others] = misplaced;
      if (first !== undefined) return E.left([first, ...others] as const);
      const steps = stepsOf(syntax);
      if (steps > MOST_STEPS)
        return fail(
          where,
          `at most ${MOST_STEPS} steps`,
          `repetitions that make ${steps}`,
          'use * or + instead of bounds',
        );
      return F.pipe(
        all([compile(rest, where, true), ...aheads.map((a) => compile(a.item, where, false))]),
        E.map(([body, ...tests]) => ({
          source,
          body: body as Programs,
          conditions: tests.map((programs, i) => ({ negated: (aheads[i] as Ahead).negated, programs })),
          names,
        })),
      );
    }),
  );
};

const programFor = (programs: Programs, s: string): RE2JS => (s.endsWith('\n') ? programs.line : programs.text);

const holds = (p: Pattern, s: string): boolean =>
  p.conditions.every(({ negated, programs }) => programFor(programs, s).matcher(s).lookingAt() !== negated);

/** `re.fullmatch`: the pattern matches the whole of `s`. */
export const fullMatch = (p: Pattern, s: string): boolean => holds(p, s) && programFor(p.body, s).matches(s);

/**
 * `re.match`: the pattern matches at the start of `s`. Returns the match and its groups, undefined for a group that took no
 * part; undefined without a match. Two groups differ from Python's: those inside a lookahead are not counted, and one that
 * repeats keeps its last match that is not empty.
 */
export const matchPrefix = (p: Pattern, s: string): ReadonlyArray<string | undefined> | undefined => {
  if (!holds(p, s)) return undefined;
  const m = programFor(p.body, s).matcher(s);
  if (!m.lookingAt()) return undefined;
  return Array.from({ length: m.groupCount() + 1 }, (_, i) => m.group(i) ?? undefined);
};

/** `re.escape`: a pattern that matches `s` and nothing else. */
export const escapePattern = (s: string): string => s.replace(/[^\p{L}\p{N}_]/gu, (ch) => `\\${ch}`);
