/**
 * Values by pattern: `rank_pattern` and `alpha_pattern`.
 */
import { E, F } from '../../fp.js';
import { all, type Result } from '../../problem.js';
import { compilePattern, matchPrefix } from './pattern.js';

/** The value for a module's path, if a pattern matches it. */
export type PatternValues = (key: string) => number | undefined;

/** A regular expression for the end of a key, from its start or from a dot. */
const ending = (source: string): string => `(.*\\.)?(${source})$`;

/**
 * The first pattern that matches a key, in the order of `patterns`: a regular expression for the end of the key, from its
 * start or from a dot, `(.*\.)?(pattern)$`; the key itself when none does (PEFT's `get_pattern_key`).
 *
 * @param whole the regular expression that a pattern stands for, for methods that have another rule
 */
export const patternKey = (
  patterns: ReadonlyArray<string>,
  at: string,
  whole: (source: string) => string = ending,
): Result<(key: string) => string> =>
  F.pipe(
    all(
      patterns.map((source) =>
        F.pipe(
          compilePattern(whole(source), `${at}, as "${source}"`),
          E.map((pattern) => ({ source, pattern })),
        ),
      ),
    ),
    E.map(
      (compiled) => (key) => compiled.find(({ pattern }) => matchPrefix(pattern, key) !== undefined)?.source ?? key,
    ),
  );

/** Values of a record whose keys are patterns; `field` is its name in the config. A key is also looked up as it is. */
export const patternValues = (
  values: Readonly<Record<string, number>>,
  field: string,
  whole?: (source: string) => string,
): Result<PatternValues> =>
  F.pipe(
    patternKey(Object.keys(values), `adapter_config.json: ${field}`, whole),
    E.map((keyOf) => (key) => {
      const found = keyOf(key);
      return Object.hasOwn(values, found) ? values[found] : undefined;
    }),
  );
