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
  type MethodArbitrary,
  type SubjectData,
  type Trial,
  type Verdict,
} from '../../src/laws/index.js';
import { algebraMutants } from './mutants/algebra.js';
import { applicationMutants } from './mutants/application.js';
import { additiveDefinitionMutants } from './mutants/additive-definitions.js';
import { otherDefinitionMutants } from './mutants/definitions.js';
import { forwardMutants } from './mutants/forward.js';
import { methodMutants } from './mutants/methods.js';
import type { Mutant } from './mutants/mutant.js';

const mutants = [
  ...applicationMutants,
  ...algebraMutants,
  ...methodMutants,
  ...additiveDefinitionMutants,
  ...otherDefinitionMutants,
  ...forwardMutants,
];

const fromOf = ({ method = 'LORA' }: Pick<Mutant, 'method'>): MethodArbitrary => {
  const from = methodArbitraries[method];
  if (from === undefined) throw new Error(`no arbitrary for ${method}`);
  return from;
};
const names = [...new Set(Object.values(methodArbitraries).flatMap((from) => lawsOf(from).map((law) => law.name)))];

const judge = (law: Law, data: SubjectData, trial: Trial): Promise<Verdict> =>
  arena(() => law.check(realise(data, trial)));

const drawn = new Map<string, ReadonlyArray<SubjectData>>();

/** 150 subjects, the same for every law about as many adapters of a method. */
const subjectsOf = (from: MethodArbitrary, algebra: Algebra, arity: number): ReadonlyArray<SubjectData> => {
  const name = `${from.method.peftType} ${algebra} ${arity}`;
  const subjects = drawn.get(name) ?? fc.sample(subjectData(from, algebra, arity), { numRuns: 150, seed: 5 });
  drawn.set(name, subjects);
  return subjects;
};

/** The verdict on the first of 150 subjects that the mutant breaks and Weft does not. */
const find = async (name: string, mutant: Mutant): Promise<Verdict | undefined> => {
  const from = fromOf(mutant);
  const law = lawsOf(from).find((l) => l.name === name) as Law;
  for (const data of subjectsOf(from, mutant.algebra, law.arity)) {
    const verdict = await judge(law, data, mutant);
    if (!verdict.holds && (await judge(law, data, {})).holds) return verdict;
  }
  return undefined;
};

it('has a mutant for every law', () => {
  const broken = new Set(mutants.map((m) => m.breaks));
  expect(names.filter((name) => !broken.has(name))).toEqual([]);
});

it('has a mutant for the equation of every method', () => {
  const broken = new Set(mutants.filter((m) => m.breaks.endsWith('definition')).map((m) => m.method ?? 'LORA'));
  const defined = Object.values(methodArbitraries).filter((from) => (from.definition ?? from.forward) !== undefined);
  expect(defined.map((from) => from.method.peftType).filter((type) => !broken.has(type))).toEqual([]);
});

describe.each(names.map((name) => ({ name })))('$name', ({ name }) => {
  const named = mutants.filter((m) => m.breaks === name).map((m) => ({ ...m, who: m.method ?? 'LORA' }));
  it.each(named)('finds one of $who that $mistake', async (mutant) => {
    const verdict = await find(name, mutant);
    expect(verdict?.holds).toBe(false);
    // found by its values and not by a crash
    expect(verdict?.detail).not.toMatch(/^\w*Error: /);
  });
});
