/**
 * Why targets match nothing, in words.
 */
import { problem, type Problem } from '../../problem.js';
import type { Verdict } from './check.js';
import type { Matching } from './matching.js';
import { nearHint } from './near.js';
import { ALL_LINEAR } from './resolve.js';
import { fieldAt, suffixesOf, type Targeting } from './targeting.js';

/** Names that are explained one by one; the rest is counted. */
const MOST_EXPLAINED = 20;

const AT = fieldAt('target_modules');

const show = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

/** Characters that a module's name has only in a regular expression. */
const looksLikeRegex = (name: string): boolean => /[*+?()[\]|\\^$]/.test(name);

/** The verdicts on the modules behind each name that a list may hold. */
const verdictsByName = ({ verdicts }: Matching): ReadonlyMap<string, ReadonlySet<Verdict>> => {
  const out = new Map<string, Set<Verdict>>();
  for (const [m, verdict] of verdicts)
    for (const name of suffixesOf(m.name)) out.set(name, (out.get(name) ?? new Set<Verdict>()).add(verdict));
  return out;
};

const explainName = (c: Targeting, names: ReadonlyArray<string>, name: string, hits: ReadonlySet<Verdict>): Problem => {
  if (hits.has('Filtered'))
    return problem(
      AT,
      `"${name}" in the layers ${show(c.layers_to_transform)}${c.layers_pattern == null ? '' : ` of ${show(c.layers_pattern)}`}`,
      'it only in other layers',
      'Check layers_to_transform and layers_pattern',
    );
  if (hits.has('Excluded'))
    return problem(
      AT,
      `"${name}" outside of exclude_modules and modules_to_save`,
      'it only there',
      'PEFT excludes what it saves as a whole, too',
    );
  const hint = looksLikeRegex(name)
    ? `A regular expression must be a string, not a part of a list: ${show(name)} instead of ${show([name])}`
    : nearHint(name, names);
  return problem(AT, 'the name of a module, or its end behind a dot', show(name), hint);
};

/** Names of a list that match nothing; what was excluded on purpose counts only when nothing else is left. */
const explainList = (
  c: Targeting,
  matching: Matching,
  list: ReadonlyArray<string>,
  nothing: boolean,
): ReadonlyArray<Problem> => {
  const byName = verdictsByName(matching);
  const names = matching.verdicts.map(([m]) => m.name);
  const hitsOf = (name: string): ReadonlySet<Verdict> => byName.get(name) ?? new Set();
  const missing = [...new Set(list)].filter((name) => {
    const hits = hitsOf(name);
    return !hits.has('Matched') && (nothing || !hits.has('Excluded'));
  });
  const rest = missing.length - MOST_EXPLAINED;
  return [
    ...missing.slice(0, MOST_EXPLAINED).map((name) => explainName(c, names, name, hitsOf(name))),
    ...(rest > 0 ? [problem(AT, 'names of modules', `${rest} more that match none`)] : []),
  ];
};

const explainPattern = ({ verdicts }: Matching, pattern: string): ReadonlyArray<Problem> => {
  const names = verdicts.map(([m]) => m.name);
  const isName = names.some((n) => suffixesOf(n).includes(pattern));
  const hint = isName
    ? `A string is a regular expression that must match whole names: write ${show([pattern])} or ${show(`.*\\.${pattern}`)}`
    : looksLikeRegex(pattern)
      ? `It must match whole names, such as "${names.at(-1) ?? ''}"`
      : nearHint(pattern, names);
  return [problem(AT, 'a regular expression that matches a module', show(pattern), hint)];
};

/**
 * Every target that matches nothing, with what to do about it. `nothing` says that neither a module nor a parameter matched;
 * then there is at least one problem here or among the parameters.
 */
export const explainTargets = (c: Targeting, matching: Matching, nothing: boolean): ReadonlyArray<Problem> => {
  const { targets } = matching;
  const given = c.target_modules;
  if (typeof given === 'string' && given.toLowerCase() === ALL_LINEAR)
    return nothing
      ? [problem(AT, 'a linear layer that is not excluded', 'none', 'Check exclude_modules and modules_to_save')]
      : [];
  if (typeof targets === 'string') return nothing ? explainPattern(matching, targets) : [];
  const explained = explainList(c, matching, typeof given === 'string' ? [] : (given ?? targets ?? []), nothing);
  return explained.length > 0 || !nothing || (c.target_parameters ?? []).length > 0
    ? explained
    : [
        problem(
          AT,
          'at least one module or parameter to adapt',
          show(given ?? null),
          'Name modules, or parameters in target_parameters',
        ),
      ];
};
