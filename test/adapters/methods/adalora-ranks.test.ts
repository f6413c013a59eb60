import { describe, expect, it } from 'vitest';
import {
  allocateRanks,
  rankBudget,
  rankPatternOf,
  startOfRanks,
  type RankState,
} from '../../../src/adapters/methods/adalora-ranks.js';
import { read } from '../../../src/ops/backend.js';
import { mapRecord } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { allocated, madeOf } from './allocation.js';

interface Golden {
  readonly schedule: Parameters<typeof allocateRanks>[0];
  readonly steps: ReadonlyArray<{
    readonly E: Readonly<Record<string, ReadonlyArray<number>>>;
    readonly pattern: Readonly<Record<string, ReadonlyArray<boolean>>> | null;
  }>;
}

/** What PEFT does over twelve steps. */
const golden = allocated<Golden>('adalora');

const names = Object.keys(golden.shapes);

const made = madeOf(golden.shapes);

describe('rank allocation', () => {
  it('cuts the triplets that PEFT cuts, step by step', async () => {
    let params = made(0);
    let state: RankState = startOfRanks;
    for (const [step, expected] of golden.steps.entries()) {
      const next = allocateRanks(golden.schedule, state, { params, grads: made(100 + 7 * step), step });
      state = next.state;
      const pattern = state.kept === undefined ? null : await rankPatternOf(state.kept);
      expect(pattern === null ? null : { ...pattern }, `step ${step}`).toEqual(expected.pattern);
      for (const [name, E] of Object.entries(expected.E)) {
        expect(await read(next.params[name]!), `${name} at step ${step}`).toBeAllClose(Float32Array.from(E), {
          atol: 1e-6,
        });
      }
      const moved = made(300 + 5 * step, 0.05);
      params = mapRecord(next.params, (p, name) => tf.add(p, moved[name]!));
    }
  });

  it('leaves state and parameters of the step before as they are', async () => {
    const params = made(0);
    const first = allocateRanks(golden.schedule, startOfRanks, { params, grads: made(1), step: 3 });
    const before = await read(first.state.sensitivity[names[0]!]!);
    allocateRanks(golden.schedule, first.state, { params: first.params, grads: made(2), step: 4 });
    expect(await read(first.state.sensitivity[names[0]!]!)).toEqual(before);
    expect(startOfRanks).toEqual({ sensitivity: {}, uncertainty: {}, kept: undefined });
  });

  it('keeps every triplet where the budget is the whole', async () => {
    const schedule = { ...golden.schedule, target_r: 4 };
    const { state } = allocateRanks(schedule, startOfRanks, { params: made(0), grads: made(1), step: 4 });
    expect(Object.values(await rankPatternOf(state.kept!)).flat()).not.toContain(false);
  });

  it.each([
    [0, 20, false],
    [2, 20, false],
    [4, 15, true],
    [5, 12, false],
    [8, 10, true],
    [9, 10, true],
  ])('has at step %d a budget of %d triplets', (step, budget, cut) =>
    expect(rankBudget(golden.schedule, step, { first: 20, last: 10 })).toEqual(
      step === 4 || step === 5 ? { budget: Math.trunc(10 * (1 - (step - 2) / 6) ** 3 + 10), cut } : { budget, cut },
    ),
  );
});
