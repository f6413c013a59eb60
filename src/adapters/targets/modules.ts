/**
 * The modules that an adapter acts on.
 */
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import { orProblems, problem, renderProblem, type Problem, type Result } from '../../problem.js';
import type { TargetRules } from './defaults.js';
import { explainTargets } from './explain.js';
import { matchModules, type Matching } from './matching.js';
import { matchParameters, unmatchedParameters } from './parameters.js';
import { DUMMY } from './resolve.js';
import { savedNames } from './saved.js';
import { fieldAt, type Selected, type Targeting } from './targeting.js';

/** Model types where PEFT refuses two names to some methods: the model reads these weights without calling the module. */
const MAMBA = {
  models: ['falcon_h1', 'mamba', 'mamba2', 'falcon_mamba', 'nemotron_h'],
  names: ['out_proj', 'conv1d'],
};

/** Modules that a Mamba model calls by their weights. */
const mambaProblems = (spec: ModelSpec, modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<Problem> =>
  !MAMBA.models.includes(spec.modelType ?? '')
    ? []
    : modules
        .filter((m) => MAMBA.names.includes(m.name.slice(m.name.lastIndexOf('.') + 1)))
        .map((m) =>
          problem(
            fieldAt('target_modules'),
            `no ${MAMBA.names.join(' or ')} of a ${spec.modelType} model`,
            m.name,
            'Such a model reads the weight without calling the module; remove it from target_modules',
          ),
        );

/** Modules that are targets and, by the looser rule of wrapping, saved as a whole too: PEFT puts one wrapper into the other. */
const clashes = (c: Targeting, modules: ReadonlyArray<ModuleSpec>): ReadonlyArray<Problem> => {
  const saved = savedNames(c.modules_to_save, c.task_type);
  return modules
    .filter((m) => saved.some((name) => m.name.endsWith(name)))
    .map((m) => ({
      ...problem(
        fieldAt('modules_to_save'),
        'modules that are not adapted as well',
        `${m.name}, which ends with "${saved.find((name) => m.name.endsWith(name))}"`,
        'PEFT compares the ends of names here, without regard to dots; write more of the name, or exclude the module',
      ),
      unsupported: true,
    }));
};

/** PEFT's warnings about settings that came to nothing. */
const warningsOf = (c: Targeting, { verdicts }: Matching, modules: number, params: number): ReadonlyArray<string> => [
  ...((c.exclude_modules ?? '').length > 0 && !verdicts.some(([, v]) => v === 'Excluded')
    ? [`${fieldAt('exclude_modules')}: no module was excluded`]
    : []),
  ...(modules === 0 && (c.target_modules ?? '').length > 0
    ? [`${fieldAt('target_modules')}: no module matches, only parameters do`]
    : []),
  ...(params === 0 && (c.target_parameters ?? []).length > 0
    ? [`${fieldAt('target_parameters')}: no parameter matches, only modules do`]
    : []),
];

/**
 * The modules that a config targets, exactly as PEFT picks them, in `named_modules()` order. Their kinds are not looked at:
 * each method says what it can act on.
 *
 * Problems, all at once: patterns that cannot be compiled, no targets given and no default, nothing matched (with names that
 * are near), modules that Mamba models cannot adapt, modules that are also saved as a whole. A list entry that matches nothing
 * while others do is a warning.
 *
 * @param rules what the method asks of targeting
 */
export const selectModules = (c: Targeting, spec: ModelSpec, rules: TargetRules | undefined): Result<Selected> =>
  F.pipe(
    matchModules(c, spec, rules),
    E.chain((matching) => {
      const modules = matching.verdicts.flatMap(([m, verdict]) => (verdict === 'Matched' ? [m] : []));
      const params = matchParameters(c, spec);
      if (matching.targets === DUMMY) return E.right({ modules, warnings: [] });
      const nothing = modules.length === 0 && params.length === 0;
      const explained = [...explainTargets(c, matching, nothing), ...unmatchedParameters(c, spec)];
      return orProblems(
        [
          ...(nothing ? explained : []),
          ...(rules?.refusesMamba === true ? mambaProblems(spec, modules) : []),
          ...clashes(c, modules),
        ],
        () => ({
          modules,
          warnings: [...warningsOf(c, matching, modules.length, params.length), ...explained.map(renderProblem)],
        }),
      );
    }),
  );
