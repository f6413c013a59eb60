/** Every law finds what it is there to find. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arena,
  lawsOf,
  methodArbitraries,
  realise,
  subjectData,
  type Law,
  type SubjectData,
  type Trial,
  type Verdict,
} from '../../src/laws/index.js';
import { algebraMutants } from './mutants/algebra.js';
import { applicationMutants } from './mutants/application.js';
import { methodMutants } from './mutants/methods.js';
import type { Mutant } from './mutants/mutant.js';

const mutants = [...applicationMutants, ...algebraMutants, ...methodMutants];
const from = methodArbitraries['LORA'];
if (from === undefined) throw new Error('no arbitrary for LORA');
const laws = lawsOf(from);

const judge = (law: Law, data: SubjectData, trial: Trial): Promise<Verdict> =>
  arena(() => law.check(realise(data, trial)));

/** The verdict on the first of 150 subjects that the mutant breaks and Weft does not. */
const find = async (law: Law, mutant: Mutant): Promise<Verdict | undefined> => {
  const subjects = fc.sample(subjectData(from, mutant.algebra, law.arity), { numRuns: 150, seed: 5 });
  for (const data of subjects) {
    const verdict = await judge(law, data, mutant);
    if (!verdict.holds && (await judge(law, data, {})).holds) return verdict;
  }
  return undefined;
};

it('has a mutant for every law', () => {
  const names = new Set(mutants.map((m) => m.breaks));
  expect(laws.map((l) => l.name).filter((name) => !names.has(name))).toEqual([]);
});

describe.each(laws.map((law) => ({ law, name: law.name })))('$name', ({ law, name }) => {
  it.each(mutants.filter((m) => m.breaks === name))('finds one that $mistake', async (mutant) => {
    const verdict = await find(law, mutant);
    if (process.env.SHOW) console.log(name, '|', mutant.mistake, '|', verdict?.at, verdict?.detail.slice(0, 150));
    expect(verdict?.holds).toBe(false);
    // found by its values and not by a crash
    expect(verdict?.detail).not.toMatch(/^\w*Error: /);
  });
});
