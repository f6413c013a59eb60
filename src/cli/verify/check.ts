/**
 * Checking all laws on an adapter and a base.
 */
import { leavesOf, type Adapter } from '../../adapters/adapter.js';
import { sourceOf, specAfter } from '../../adapters/compile.js';
import { E } from '../../fp.js';
import type { OpenModel } from '../../io/model.js';
import { noLessLawful, type Law } from '../../laws/law.js';
import { composeLaw } from '../../laws/predicates/composition.js';
import { scaleLaw } from '../../laws/predicates/linear.js';
import { subtractLaw } from '../../laws/predicates/undo.js';
import type { Verdict } from '../../laws/verdict.js';
import { fileKeyOf, ownerOf, type ModelSpec } from '../../models/spec.js';
import { dispose } from '../../ops/backend.js';
import { fail, type Result } from '../../problem.js';
import { fileLaw, keyLaw, weightLaws, type StoredAs } from './chosen.js';
import { groupsOf, type Group } from './focus.js';
import { modelForward } from './model-forward.js';
import { focusOn, subjectOf, withStandIns } from './subjects.js';

/** A verdict and the modules that it is about; `all` for the whole model. */
export interface Checked {
  readonly verdict: Verdict;
  readonly equation: string;
  readonly group: string;
}

/** A law that says nothing about this adapter, and why. */
export interface Passed {
  readonly law: string;
  readonly equation: string;
  readonly why: string;
}

/** Everything that was found. */
export interface Checks {
  readonly checked: ReadonlyArray<Checked>;
  readonly passed: ReadonlyArray<Passed>;
}

/** Laws that apply an adapter twice: one that changes the module tree does not fit what it made. */
const twice: ReadonlySet<Law> = new Set([subtractLaw, scaleLaw, composeLaw]);

/** Why a law is not about an adapter, if it is not. */
const notAbout = (law: Law, adapter: Adapter): string | undefined => {
  if (!noLessLawful(adapter.algebra, law.atMost)) return `not for ${adapter.algebra} adapters`;
  return twice.has(law) && leavesOf(adapter).some((leaf) => leaf.change !== undefined)
    ? 'not for adapters that change the module tree'
    : undefined;
};

const onGroup = async (adapter: Adapter, model: OpenModel, group: Group, laws: ReadonlyArray<Law>, first: boolean) => {
  const focused = await focusOn(adapter, model, group);
  if (E.isLeft(focused)) return focused;
  const { adapter: part, base, weights } = focused.right;
  const found: Checked[] = [];
  for (const law of laws) {
    const verdict = await law.check(subjectOf(part, base, weights, law.arity));
    found.push({ verdict, equation: law.equation, group: group.name });
  }
  if (first) {
    const all = withStandIns(model.spec, weights);
    const verdict = await keyLaw.check(subjectOf(part, model.spec, all, 1));
    found.push({ verdict, equation: keyLaw.equation, group: 'all' });
    dispose(all, { keep: weights });
  }
  dispose(weights);
  return E.right(found);
};

const onFiles = async (adapter: Adapter, base: ModelSpec): Promise<ReadonlyArray<Checked>> => {
  const found: Checked[] = [];
  let spec = base;
  for (const leaf of leavesOf(adapter)) {
    const verdict = await fileLaw.check(subjectOf(leaf, spec, {}, 1));
    found.push({ verdict, equation: fileLaw.equation, group: 'all' });
    spec = specAfter(leaf, spec);
  }
  return found;
};

/** The type that the base stores a key's starting value in. */
const storageOf =
  (adapter: Adapter, { checkpoint, spec }: OpenModel): StoredAs =>
  (key) =>
    checkpoint.tensors.get(fileKeyOf(spec, ownerOf(spec, sourceOf(adapter, key) ?? key)))?.dtype ?? 'F32';

const forwardEquation = 'forward(apply(a, w), x) = forward(attach(a, w), x) up to rounding';

/**
 * Every law that is about this adapter, group of modules by group, and on the whole model where it runs.
 *
 * @param tree the tree that the first adapter was checked against: the base's, or the base's without its ties
 * @param onGroupDone is called with the number of groups done and their total
 * @returns problems when a tensor cannot be read; a broken law is a verdict, not a problem
 */
export const checkLaws = async (
  adapter: Adapter,
  model: OpenModel,
  tree: ModelSpec,
  onGroupDone: (done: number, total: number) => void,
): Promise<Result<Checks>> => {
  const groups = groupsOf(adapter, specAfter(adapter, model.spec));
  if (groups.length === 0) return fail('adapter', 'an adapter that changes a module', 'none that it would change');
  const every = weightLaws(storageOf(adapter, model));
  const laws = every.filter((law) => notAbout(law, adapter) === undefined);
  const checked: Checked[] = [];
  for (const [i, group] of groups.entries()) {
    const found = await onGroup(adapter, model, group, laws, i === 0);
    if (E.isLeft(found)) return found;
    checked.push(...found.right);
    onGroupDone(i + 1, groups.length);
  }
  checked.push(...(await onFiles(adapter, tree)));
  const whole = await modelForward(adapter, model);
  if (E.isLeft(whole)) return whole;
  const passed = every.flatMap((law) => {
    const why = notAbout(law, adapter);
    return why === undefined ? [] : [{ law: law.name, equation: law.equation, why }];
  });
  return E.right(
    whole.right._tag === 'Skipped'
      ? { checked, passed: [...passed, { law: 'model forward', equation: forwardEquation, why: whole.right.why }] }
      : {
          checked: [
            ...checked,
            { verdict: { law: 'model forward', ...whole.right.finding }, equation: forwardEquation, group: 'all' },
          ],
          passed,
        },
  );
};
