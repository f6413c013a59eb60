/**
 * Whether one module is a target: PEFT's rule, in its order.
 */
import { E, F } from '../../fp.js';
import { all, fail, type Result } from '../../problem.js';
import { compilePattern, fullMatch, matchPrefix, type Pattern } from './pattern.js';
import { fieldAt, isNamed, type Targeting } from './targeting.js';

/** What becomes of a module: `Filtered` matched by name but lies in another layer. */
export type Verdict = 'Matched' | 'Unmatched' | 'Excluded' | 'Filtered';

/** A test of module names. */
type Test = (key: string) => boolean;

const never: Test = () => false;

/** A regular expression, or a list of names. */
const namesTest = (value: string | ReadonlyArray<string>, at: string): Result<Test> => {
  if (typeof value !== 'string') return F.pipe(new Set(value), (names) => E.right((key) => isNamed(names, key)));
  return F.pipe(
    compilePattern(value, at),
    E.map((p) => (key) => fullMatch(p, key)),
  );
};

/** Modules that `modules_to_save` takes away from the adapter: those named and everything below; names are not escaped. */
const savedTest = (names: ReadonlyArray<string>): Result<Test> =>
  F.pipe(
    all(
      [...new Set(names)].map((m) =>
        compilePattern(`(^|.*\\.)${m}($|\\..*)`, `${fieldAt('modules_to_save')}, as "${m}"`),
      ),
    ),
    E.map((patterns) => (key) => patterns.some((p) => matchPrefix(p, key) !== undefined)),
  );

const layerPattern = (p: string): Result<Pattern> => {
  const at = fieldAt('layers_pattern');
  return F.pipe(
    compilePattern(`.*?\\.${p}\\.(\\d+)\\.`, at),
    E.chain((pattern) =>
      pattern.body.text.groupCount() === 1
        ? E.right(pattern)
        : fail(at, 'a pattern without capturing groups', `"${p}"`, 'write (?:...) for a group'),
    ),
  );
};

/** Whether a module lies in one of `layers_to_transform`; the index is that of the first numbered segment. */
const layerTest = (c: Targeting): Result<Test> => {
  const layers = c.layers_to_transform;
  if (layers === undefined || layers === null || (typeof layers !== 'number' && layers.length === 0))
    return E.right(() => true);
  const wanted = new Set(typeof layers === 'number' ? [layers] : layers);
  const given = c.layers_pattern ?? [];
  const names = typeof given !== 'string' ? given : given === '' ? [] : [given];
  return F.pipe(
    all(
      names.length === 0
        ? [compilePattern('.*?\\.[^.]*\\.(\\d+)\\.', fieldAt('layers_to_transform'))]
        : names.map(layerPattern),
    ),
    E.map((patterns) => (key) => {
      const index = patterns.map((p) => matchPrefix(p, key)?.[1]).find((i) => i !== undefined);
      return index !== undefined && wanted.has(Number(index));
    }),
  );
};

/** A list matches by full name, and then whatever the layer, or by suffix in the layers asked for. */
const listVerdict = (names: ReadonlySet<string>, inLayer: Test, key: string): Verdict => {
  if (names.has(key)) return 'Matched';
  if (!isNamed(names, key)) return 'Unmatched';
  return inLayer(key) ? 'Matched' : 'Filtered';
};

/**
 * The rule for a config whose `target_modules` is resolved (no shorthand): `exclude_modules`, then `modules_to_save`, then the
 * targets. Problems: patterns that cannot be compiled.
 */
export const checkerOf = (c: Targeting): Result<(key: string) => Verdict> => {
  const targets = c.target_modules ?? null;
  const exclude = c.exclude_modules ?? '';
  const excluded = exclude.length === 0 ? E.right(never) : namesTest(exclude, fieldAt('exclude_modules'));
  const named = typeof targets === 'string' ? namesTest(targets, fieldAt('target_modules')) : E.right(never);
  return F.pipe(
    all([
      excluded,
      savedTest(c.modules_to_save ?? []),
      named,
      typeof targets === 'string' ? E.right(never) : layerTest(c),
    ]),
    E.map((tests) => {
      const [isExcluded, isSaved, isTarget, inLayer] = tests as readonly [Test, Test, Test, Test];
      const list = new Set(typeof targets === 'string' ? [] : targets);
      return (key): Verdict => {
        if (isExcluded(key) || isSaved(key)) return 'Excluded';
        return typeof targets === 'string'
          ? isTarget(key)
            ? 'Matched'
            : 'Unmatched'
          : listVerdict(list, inLayer, key);
      };
    }),
  );
};
