/**
 * Strict JSON (RFC 8259) for files that nobody vouches for: records without prototype, bounded nesting, duplicate keys found,
 * and whole floats (`1.0`) told from integers where a byte-equal copy is wanted.
 *
 * `JSON.parse` hides duplicate keys, does not say where it stopped in a way to rely on, and refuses Python's `Infinity`.
 */
import { E } from '../fp.js';
import { orProblems, problem, type Problem, type Result } from '../problem.js';

export { pythonJson } from './python-json.js';

/** How to read. */
export interface JsonOptions {
  /** Names that occur twice in one object: refused by default; `last` keeps the last one, as Python does. */
  readonly duplicates?: 'refuse' | 'last';
  /** Also accept what Python's reader does: `NaN`, `Infinity`, `-Infinity`, and halves of surrogate pairs. */
  readonly python?: boolean;
  /** Value of a number literal; `Number` by default. */
  readonly number?: (literal: string) => unknown;
}

/** A value with the paths of the numbers that were written as floats, as `pythonJson` takes them. */
export interface ParsedJson {
  readonly value: unknown;
  readonly floats: ReadonlySet<string>;
}

/** Levels of nesting that are read; the limit of serde_json, which safetensors uses. */
export const MAX_DEPTH = 128;

/** Duplicate names that are reported before reading stops; finding each one's line reads the text from its start. */
const MAX_DUPLICATES = 20;

interface State {
  readonly text: string;
  readonly at: string;
  readonly options: JsonOptions;
  readonly problems: Problem[];
  readonly path: string[];
  readonly floats: Set<string> | undefined;
  index: number;
  stopped: boolean;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
const WORDS: ReadonlyArray<readonly [string, unknown]> = [
  ['true', true],
  ['false', false],
  ['null', null],
];
const PYTHON_WORDS: ReadonlyArray<readonly [string, unknown]> = [
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
];
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Line and column, from 1, of a position. */
const place = ({ at, text }: State, index: number): string => {
  const lines = text.slice(0, index).split('\n');
  return `${at}:${lines.length}:${(lines.at(-1) as string).length + 1}`;
};

const found = (s: State): string =>
  s.index >= s.text.length ? 'the end' : JSON.stringify(s.text.slice(s.index, s.index + 12));

/** Reports a problem at a position and goes on. */
const report = (s: State, index: number, expected: string, what: string): void => {
  s.problems.push(problem(place(s, index), expected, what));
};

const stop = (s: State, expected: string): undefined => {
  if (!s.stopped) report(s, s.index, expected, found(s));
  s.stopped = true;
  return undefined;
};

const skipSpace = (s: State): void => {
  for (;;) {
    const c = s.text.charCodeAt(s.index);
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
    s.index++;
  }
};

/** Takes one character after white space, if it is the next one. */
const take = (s: State, character: string): boolean => {
  skipSpace(s);
  if (s.text[s.index] !== character) return false;
  s.index++;
  return true;
};

const parseEscape = (s: State): string | undefined => {
  const c = s.text[s.index + 1] ?? '';
  if (c === 'u') {
    const digits = s.text.slice(s.index + 2, s.index + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) return stop(s, 'four hexadecimal digits after \\u');
    s.index += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const value = Object.hasOwn(ESCAPES, c) ? ESCAPES[c] : undefined;
  if (value === undefined) return stop(s, 'an escape that JSON knows');
  s.index += 2;
  return value;
};

/** A string from its opening quote on. */
const parseString = (s: State): string | undefined => {
  if (!take(s, '"')) return stop(s, 'a string in double quotes');
  const begin = s.index;
  const parts: string[] = [];
  let start = begin;
  for (;;) {
    const c = s.text.charCodeAt(s.index);
    if (c === 34) {
      const last = s.text.slice(start, s.index++);
      if (parts.length === 0) return last;
      const whole = parts.join('') + last;
      if (s.options.python === true || !LONE_SURROGATE.test(whole)) return whole;
      s.index = begin;
      return stop(s, 'a string in Unicode, without half surrogate pairs');
    }
    if (!(c >= 32)) return stop(s, 'a closing quote, and control characters only as escapes');
    if (c === 92) {
      parts.push(s.text.slice(start, s.index));
      const escaped = parseEscape(s);
      if (escaped === undefined) return undefined;
      parts.push(escaped);
      start = s.index;
    } else s.index++;
  }
};

const parseWord = (s: State): unknown => {
  const known = (words: typeof WORDS) => words.find(([word]) => s.text.startsWith(word, s.index));
  const match = known(WORDS) ?? (s.options.python === true ? known(PYTHON_WORDS) : undefined);
  if (match === undefined) return stop(s, 'a JSON value');
  s.index += match[0].length;
  return match[1];
};

const parseScalar = (s: State): unknown => {
  NUMBER.lastIndex = s.index;
  const match = NUMBER.exec(s.text);
  if (match === null) return parseWord(s);
  const literal = match[0];
  if (!Number.isFinite(Number(literal))) return stop(s, 'a number within float64');
  if (s.floats !== undefined && (match[1] ?? match[2]) !== undefined) s.floats.add(s.path.join('/'));
  s.index += literal.length;
  return (s.options.number ?? Number)(literal);
};

/** A value inside of another; the path is only kept where someone asks for it. */
const parseChild = (s: State, key: string | number, depth: number): unknown => {
  if (s.floats === undefined) return parseValue(s, depth);
  s.path.push(String(key));
  const value = parseValue(s, depth);
  s.path.pop();
  return value;
};

const parseArray = (s: State, depth: number): unknown => {
  const values: unknown[] = [];
  if (take(s, ']')) return values;
  do {
    values.push(parseChild(s, values.length, depth));
    if (s.stopped) return undefined;
  } while (take(s, ','));
  return take(s, ']') ? values : stop(s, "',' or ']'");
};

const parseObject = (s: State, depth: number): unknown => {
  const record = Object.create(null) as Record<string, unknown>;
  if (take(s, '}')) return record;
  do {
    skipSpace(s);
    const start = s.index;
    const key = parseString(s);
    if (key === undefined) return undefined;
    if (s.options.duplicates !== 'last' && Object.hasOwn(record, key)) {
      report(s, start, 'names that occur once in their object', `${JSON.stringify(key)} again`);
      s.stopped = s.problems.length >= MAX_DUPLICATES;
      if (s.stopped) return undefined;
    }
    if (!take(s, ':')) return stop(s, "':'");
    record[key] = parseChild(s, key, depth);
    if (s.stopped) return undefined;
  } while (take(s, ','));
  return take(s, '}') ? record : stop(s, "',' or '}'");
};

const parseValue = (s: State, depth: number): unknown => {
  skipSpace(s);
  const c = s.text[s.index];
  if (c === '"') return parseString(s);
  if (c !== '[' && c !== '{') return parseScalar(s);
  if (depth >= MAX_DEPTH) return stop(s, `at most ${MAX_DEPTH} levels of nesting`);
  s.index++;
  return c === '[' ? parseArray(s, depth + 1) : parseObject(s, depth + 1);
};

const run = (text: string, at: string, options: JsonOptions, floats: Set<string> | undefined): Result<unknown> => {
  const s: State = { text, at, options, problems: [], path: [], floats, index: 0, stopped: false };
  const value = parseValue(s, 0);
  skipSpace(s);
  if (!s.stopped && s.index < text.length) stop(s, 'nothing after the value');
  return orProblems(s.problems, () => value);
};

/**
 * Value of a JSON text. Objects have no prototype, so `__proto__` is just a key.
 *
 * `at` names the text; problems add line and column (`config.json:3:7`). Duplicate names are reported together (the first 20),
 * and the first thing that is no JSON.
 */
export const parseJson = (text: string, at: string, options: JsonOptions = {}): Result<unknown> =>
  run(text, at, options, undefined);

/**
 * Value of a JSON text as Python writes it, with the paths of its floats:
 * `pythonJson(value, floats) = text` for every text that `json.dumps(indent=2, sort_keys=True)` wrote.
 */
export const parsePythonJson = (text: string, at: string): Result<ParsedJson> => {
  const floats = new Set<string>();
  const result = run(text, at, { python: true, duplicates: 'refuse' }, floats);
  return E.isLeft(result) ? result : E.right({ value: result.right, floats });
};
