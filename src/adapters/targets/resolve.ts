/**
 * `target_modules` without shorthands: defaults of the architecture, "all-linear", and long lists made short.
 */
import { E } from '../../fp.js';
import type { ModelSpec } from '../../models/spec.js';
import { fail, type Result } from '../../problem.js';
import { defaultTargets, type TargetRules } from './defaults.js';
import { minimalTargets, SHORTEN_FROM } from './minimal.js';
import { fieldAt, isNamed, type Targeting } from './targeting.js';

/** An adapter without layers: no module matches and that is no error. */
export const DUMMY = 'dummy-target-modules';

/** Every Linear and Conv1D, in any case of letters. */
export const ALL_LINEAR = 'all-linear';

/** Heads of classifiers, in the order in which PEFT looks for them. */
const CLASSIFIERS = ['score', 'classifier'];

/** The head that "all-linear" leaves out: the output embedding, or the classifier of a sequence classifier without one. */
const headOf = (spec: ModelSpec, taskType: string | null | undefined): string | undefined => {
  if (spec.modelType === undefined) return undefined;
  if (spec.outputEmbedding !== undefined) return spec.outputEmbedding;
  return taskType === 'SEQ_CLS' ? CLASSIFIERS.find((name) => spec.modules.some((m) => m.name === name)) : undefined;
};

/** Full names of the modules that "all-linear" stands for. */
export const allLinear = (spec: ModelSpec, taskType: string | null | undefined): ReadonlyArray<string> => {
  const head = headOf(spec, taskType);
  return spec.modules.filter((m) => (m.kind === 'Linear' || m.kind === 'Conv1D') && m.name !== head).map((m) => m.name);
};

/** PEFT shortens long lists, for most methods. */
const shortened = (
  targets: ReadonlyArray<string>,
  spec: ModelSpec,
  rules: TargetRules | undefined,
): ReadonlyArray<string> => {
  const names = new Set(targets);
  if (names.size < SHORTEN_FROM || rules?.keepsLists === true || names.has('')) return targets;
  const others = spec.modules.map((m) => m.name).filter((name) => !isNamed(names, name));
  const minimal = minimalTargets(targets, others);
  return minimal.length < names.size ? minimal : targets;
};

/**
 * What PEFT would hold as `target_modules` once the adapter is on the model: a regular expression, a list, or null where only
 * parameters are targeted. Problem: no targets are given and the architecture has no default.
 *
 * @param rules what the method asks of targeting
 */
export const resolveTargets = (
  c: Targeting,
  spec: ModelSpec,
  rules: TargetRules | undefined,
): Result<string | ReadonlyArray<string> | null> => {
  const given = c.target_modules ?? defaultTargets(rules, spec.modelType) ?? rules?.otherwise ?? null;
  if (given === null)
    return (c.target_parameters ?? []).length > 0
      ? E.right(null)
      : fail(
          fieldAt('target_modules'),
          'the modules to adapt',
          `none, and ${spec.modelType === undefined ? 'this model has no model_type' : `model type ${spec.modelType} has no default`}`,
          'List their names, for example ["q_proj", "v_proj"], or use "all-linear"',
        );
  if (typeof given !== 'string') return E.right(shortened(given, spec, rules));
  return E.right(given.toLowerCase() === ALL_LINEAR ? shortened(allLinear(spec, c.task_type), spec, rules) : given);
};
