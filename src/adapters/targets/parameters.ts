/**
 * Raw parameters that an adapter acts on: `target_parameters`.
 */
import { E, F } from '../../fp.js';
import { paramKey, type ModelSpec, type ModuleSpec } from '../../models/spec.js';
import { orProblems, problem, type Problem, type Result } from '../../problem.js';
import type { TargetRules } from './defaults.js';
import { matchModules } from './matching.js';
import { nearHint } from './near.js';
import { fieldAt, suffixesOf, type Targeting } from './targeting.js';

/** A module and those of its own parameters that are targeted, in the module's order. */
export interface TargetedParameters {
  readonly module: ModuleSpec;
  readonly params: ReadonlyArray<string>;
}

/** A parameter matches by its full key or by a suffix of it at a dot; PEFT writes a parameter `p` of the root as `.p`. */
export const matchParameters = (c: Targeting, spec: ModelSpec): ReadonlyArray<TargetedParameters> => {
  const names = new Set(c.target_parameters ?? []);
  if (names.size === 0) return [];
  return spec.modules
    .map((module) => ({
      module,
      params: Object.keys(module.params).filter((p) => suffixesOf(`${module.name}.${p}`).some((s) => names.has(s))),
    }))
    .filter(({ params }) => params.length > 0);
};

/** Names that match no parameter. */
export const unmatchedParameters = (c: Targeting, spec: ModelSpec): ReadonlyArray<Problem> => {
  const keys = spec.modules.flatMap((m) => Object.keys(m.params).map((p) => paramKey(m.name, p)));
  const suffixes = new Set(keys.flatMap(suffixesOf));
  return [...new Set(c.target_parameters ?? [])]
    .filter((name) => !suffixes.has(name))
    .map((name) =>
      problem(
        fieldAt('target_parameters'),
        'the key of a parameter, or its end behind a dot',
        `"${name}"`,
        nearHint(name, keys),
      ),
    );
};

/**
 * The parameters that a config targets, by module. Problems: parameters of the root, parameters of a module that is a target
 * itself, and, where nothing at all is targeted, the names that match no parameter.
 */
export const selectParameters = (
  c: Targeting,
  spec: ModelSpec,
  rules: TargetRules | undefined,
): Result<ReadonlyArray<TargetedParameters>> => {
  const found = matchParameters(c, spec);
  if (found.length === 0 && (c.target_parameters ?? []).length === 0) return E.right([]);
  return F.pipe(
    matchModules(c, spec, rules),
    E.chain(({ verdicts }) => {
      const targeted = new Set(verdicts.flatMap(([m, verdict]) => (verdict === 'Matched' ? [m.name] : [])));
      const wrong = found.flatMap(({ module, params }) =>
        module.name === ''
          ? [problem(fieldAt('target_parameters'), 'parameters below the top of the model', params.join(', '))]
          : targeted.has(module.name)
            ? [
                problem(
                  fieldAt('target_parameters'),
                  'parameters of modules that are no targets themselves',
                  params.map((p) => paramKey(module.name, p)).join(', '),
                  `${module.name} is in target_modules too; set target_modules to [] to adapt parameters only`,
                ),
              ]
            : [],
      );
      const nothing = found.length === 0 && targeted.size === 0;
      return orProblems([...wrong, ...(nothing ? unmatchedParameters(c, spec) : [])], () => found);
    }),
  );
};
