/**
 * The rule applied to every module of a tree.
 */
import { E, F } from '../../fp.js';
import type { ModelSpec, ModuleSpec } from '../../models/spec.js';
import type { Result } from '../../problem.js';
import { checkerOf, type Verdict } from './check.js';
import type { TargetRules } from './defaults.js';
import { DUMMY, resolveTargets } from './resolve.js';
import { savedNames } from './saved.js';
import type { Targeting } from './targeting.js';

/** `target_modules` as PEFT holds it after matching, and the verdict on every module but the root. */
export interface Matching {
  readonly targets: string | ReadonlyArray<string> | null;
  readonly verdicts: ReadonlyArray<readonly [module: ModuleSpec, verdict: Verdict]>;
}

/** Applies the rule to every module. */
export const matchModules = (c: Targeting, spec: ModelSpec, rules: TargetRules | undefined): Result<Matching> => {
  if (c.target_modules === DUMMY) return E.right({ targets: DUMMY, verdicts: [] });
  return F.pipe(
    resolveTargets(c, spec, rules),
    E.bindTo('targets'),
    E.bind('check', ({ targets }) =>
      checkerOf({ ...c, target_modules: targets, modules_to_save: savedNames(c.modules_to_save, c.task_type) }),
    ),
    E.map(({ targets, check }) => ({
      targets,
      verdicts: spec.modules.filter((m) => m.name !== '').map((m) => [m, check(m.name)] as const),
    })),
  );
};
