/**
 * Every method of the registry against every law, on random trained adapters.
 *
 * Subjects are drawn from a fixed seed, printed with what breaks; `npm run laws -- --seed N --runs N` draws others.
 */
import { describe, expect, inject, it } from 'vitest';
import { registry } from '../../src/adapters/registry.js';
import { arbitraryOf, checkMethod, lawsOf, notApplicable } from '../../src/laws/index.js';

const seed = 20_260_101;
const runs = inject('backend') === 'wasm' ? 10 : 6;

const methods = Object.values(registry).map(arbitraryOf);

const missing = methods.filter((from) => from.algebras.length === 0).map((from) => from.method.peftType);

describe.runIf(missing.length > 0)('methods whose adapters are not drawn', () => {
  for (const type of missing) it.todo(`${type}: needs an arbitrary of its own`);
});

it('draws adapters of LoRA with its own arbitrary', () => {
  expect(methods.find((from) => from.method.peftType === 'LORA')?.definition).toBeDefined();
});

const rows = methods.flatMap((from) =>
  from.algebras.map((algebra) => ({ from, algebra, method: from.method.peftType })),
);

describe.each(rows)('$method, $algebra', ({ from, algebra }) => {
  const all = lawsOf(from);
  const applicable = all.filter((law) => notApplicable(law, algebra) === undefined);
  it.each(applicable.map((law) => ({ law, name: law.name })))(`$name (${runs} runs, seed ${seed})`, async ({ law }) => {
    const report = await checkMethod(law, from, algebra, { runs, seed });
    expect(report.holds, report.detail).toBe(true);
    expect(report.runs).toBe(runs);
  });

  it('says why the other laws are not about it', () => {
    const others = all.filter((law) => !applicable.includes(law));
    expect(others.map((law) => notApplicable(law, algebra)).every((why) => (why ?? '').includes(algebra))).toBe(true);
    expect(others.length > 0).toBe(algebra !== 'additive');
  });
});
