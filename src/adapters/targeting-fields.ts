/**
 * Config fields that methods share: where they act, what else they save.
 */
import * as t from 'io-ts';
import { problem, type Problem } from '../problem.js';
import { field, nullable, type Fields } from './config.js';

/** A list of module names. */
export const names = t.array(t.string, 'a list of names');

/** An integer greater than 0. */
export const positiveInt = t.refinement(t.Integer, (n) => n > 0, 'an integer greater than 0');

/** An integer of at least 0. */
export const naturalInt = t.refinement(t.Integer, (n) => n >= 0, 'an integer of at least 0');

/** A seed of torch's generator. */
export const torchSeed = t.refinement(t.Integer, Number.isSafeInteger, 'an integer below 2^53 in size');

/** A probability of dropout. */
export const probability = t.refinement(t.number, (p) => p >= 0 && p < 1, 'a number in [0, 1)');

/** One of some words. */
export const literals = <T extends string>(...values: readonly T[]): t.Type<T, T, unknown> =>
  new t.Type<T, T, unknown>(
    `one of ${values.map((v) => `"${v}"`).join(', ')}`,
    (u): u is T => values.includes(u as T),
    (u, c) => (values.includes(u as T) ? t.success(u as T) : t.failure(u, c)),
    t.identity,
  );

/** Numbers by pattern, as in `rank_pattern`. */
export const byPattern = (codec: t.Type<number, number, unknown>, what: string) =>
  t.record(t.string, codec, `an object of ${what} by pattern`);

/** target_modules alone: every method that wraps modules has it. */
export const targetModules = {
  target_modules: nullable(t.union([t.string, names], 'a regular expression, a list of names or "all-linear"')),
  modules_to_save: nullable(names),
} as const satisfies Fields;

/** exclude_modules, for the methods that have it. */
export const excludeModules = {
  exclude_modules: nullable(t.union([t.string, names], 'a regular expression or a list of names')),
} as const satisfies Fields;

/** layers_to_transform and layers_pattern, for the methods that have them. */
export const layerSelection = {
  layers_pattern: nullable(t.union([t.string, names], 'a name or a list of names')),
  layers_to_transform: nullable(t.union([t.Integer, t.array(t.Integer)], 'a layer index or a list of them')),
} as const satisfies Fields;

/** The standard targeting fields. */
export const targeting = { ...targetModules, ...excludeModules, ...layerSelection } as const satisfies Fields;

/** Which biases are trained and saved beside the adapter; PEFT looks at the ending of "lora_only", "boft_only" and so on alone. */
export const trainedBias = {
  bias: field(
    t.refinement(
      t.string,
      (s) => s === 'none' || s === 'all' || s.endsWith('_only'),
      '"none", "all" or a word that ends in "_only"',
    ),
    'none',
  ),
} as const satisfies Fields;

/** rank_pattern and alpha_pattern. */
export const rankPatterns = {
  alpha_pattern: field(byPattern(t.number, 'numbers'), {}),
  rank_pattern: field(byPattern(positiveInt, 'ranks'), {}),
} as const satisfies Fields;

/** What the rules across the layer fields look at. */
export interface LayerSelection {
  readonly target_modules: string | ReadonlyArray<string> | null;
  readonly layers_pattern: string | ReadonlyArray<string> | null;
  readonly layers_to_transform: number | ReadonlyArray<number> | null;
}

/** A regular expression in target_modules already says which layers. */
export const regexLayerProblems = (c: LayerSelection): ReadonlyArray<Problem> => {
  const selected = c.layers_to_transform ?? c.layers_pattern;
  return typeof c.target_modules === 'string' && selected !== null
    ? [
        problem(
          'adapter_config.json: layers_to_transform',
          'no layer selection beside a string in target_modules',
          JSON.stringify(selected),
          'Put the layers into the regular expression, or make target_modules a list.',
        ),
      ]
    : [];
};

/** A pattern of layers without the layers selects nothing. */
export const layerPatternProblems = (c: LayerSelection): ReadonlyArray<Problem> =>
  c.layers_pattern !== null && c.layers_pattern.length > 0 && c.layers_to_transform === null
    ? [
        problem(
          'adapter_config.json: layers_pattern',
          'layers_to_transform beside layers_pattern',
          'layers_pattern alone',
          'Name the layers in layers_to_transform.',
        ),
      ]
    : [];

/** PEFT's rules across target_modules, layers_to_transform and layers_pattern; some methods have one of them only. */
export const layerProblems = (c: LayerSelection): ReadonlyArray<Problem> => [
  ...regexLayerProblems(c),
  ...layerPatternProblems(c),
];
