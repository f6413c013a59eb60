/** Every law finds what it is there to find. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Algebra } from '../../src/adapters/updates/traits.js';
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

const drawn = new Map<string, ReadonlyArray<SubjectData>>();

/** 150 subjects, the same for every law about as many adapters. */
const subjectsOf = (algebra: Algebra, arity: number): ReadonlyArray<SubjectData> => {
  const name = `${algebra} ${arity}`;
  const subjects = drawn.get(name) ?? fc.sample(subjectData(from, algebra, arity), { numRuns: 150, seed: 5 });
  drawn.set(name, subjects);
  return subjects;
};

/** The verdict on the first of 150 subjects that the mutant breaks and Weft does not. */
const find = async (law: Law, mutant: Mutant): Promise<Verdict | undefined> => {
  for (const data of subjectsOf(mutant.algebra, law.arity)) {
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
    expect(verdict?.holds).toBe(false);
    // found by its values and not by a crash
    expect(verdict?.detail).not.toMatch(/^\w*Error: /);
  });
});
