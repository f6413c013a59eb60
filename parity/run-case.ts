/**
 * One case: decode the adapter, run the checks.
 */
import type { Leaf } from '../src/adapters/adapter.js';
import { decodeAdapter } from '../src/adapters/decode.js';
import { likePeft } from '../src/adapters/like-peft.js';
import { E } from '../src/fp.js';
import { dispose } from '../src/ops/backend.js';
import { renderProblem } from '../src/problem.js';
import { caseHeader, readCase, type GoldenCase } from './case.js';
import { checkFile } from './check-file.js';
import { checkForward } from './check-forward.js';
import { checkGradient } from './check-gradient.js';
import { checkMerged } from './check-merged.js';
import { todo, type Check } from './outcome.js';
import { withPeftBases } from './psoft-bases.js';

/** The names of the checks, in the order in which they are shown. */
export const checkNames = ['merged', 'forward', 'gradient', 'file'] as const;

/** What a case came to. */
export interface CaseResult {
  readonly id: string;
  readonly method: string;
  readonly status: 'pass' | 'fail' | 'todo';
  readonly checks: Readonly<Record<(typeof checkNames)[number], Check>>;
}

const statusOf = (checks: CaseResult['checks']): CaseResult['status'] => {
  const outcomes = checkNames.map((name) => checks[name].outcome);
  return outcomes.includes('fail') ? 'fail' : outcomes.includes('todo') ? 'todo' : 'pass';
};

const same = (check: Check): CaseResult['checks'] => ({ merged: check, forward: check, gradient: check, file: check });

const caught = async (run: () => Promise<Check>): Promise<Check> => {
  try {
    return await run();
  } catch (error) {
    return {
      outcome: 'fail',
      maxError: 0,
      why: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
};

const runChecks = async (c: GoldenCase): Promise<CaseResult['checks']> => {
  const decoded = decodeAdapter(c.files, c.spec);
  if (E.isLeft(decoded)) {
    const why = decoded.left.map(renderProblem).join('; ');
    return same(decoded.left.every((p) => p.unsupported === true) ? todo(why) : { outcome: 'fail', maxError: 0, why });
  }
  const saved = decoded.right.adapter;
  const leaf = likePeft(await withPeftBases(c, saved)) as Leaf;
  const checks = {
    merged: await caught(() => checkMerged(c, leaf)),
    forward: await caught(() => checkForward(c, leaf)),
    gradient: await caught(() => checkGradient(c, leaf)),
    file: await caught(() => checkFile(c, saved)),
  };
  dispose(leaf.params, { keep: saved.params });
  dispose(saved.params);
  return checks;
};

/** Runs every check of the case in a folder; whatever goes wrong is its result. */
export const runCase = async (folder: string): Promise<CaseResult> => {
  const { id, peft_type } = await caseHeader(folder);
  try {
    const checks = await runChecks(await readCase(folder));
    return { id, method: peft_type, status: statusOf(checks), checks };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { id, method: peft_type, status: 'fail', checks: same({ outcome: 'fail', maxError: 0, why }) };
  }
};
