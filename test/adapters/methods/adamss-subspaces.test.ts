import { describe, expect, it } from 'vitest';
import {
  chooseSubspaces,
  measureSubspaces,
  startOfSubspaces,
  subspaceBudget,
  type SubspaceSchedule,
  type SubspaceState,
} from '../../../src/adapters/methods/adamss-subspaces.js';
import { read } from '../../../src/ops/backend.js';
import { mapRecord } from '../../../src/ops/tensor.js';
import { tf } from '../../../src/ops/tf.js';
import { allocated, madeOf } from './allocation.js';

interface Golden {
  readonly schedule: SubspaceSchedule;
  /** Frozen names after each step. */
  readonly frozen: ReadonlyArray<ReadonlyArray<string>>;
}

/** What PEFT does over twelve steps. */
const golden = allocated<Golden>('adamss');

const names = Object.keys(golden.shapes);
const total = names.length / 2;

const made = madeOf(golden.shapes);

/** The states after each of twelve steps. */
const states = async (schedule: SubspaceSchedule, likePeft: boolean): Promise<ReadonlyArray<SubspaceState>> => {
  const all: SubspaceState[] = [];
  let params = made(0);
  let state = startOfSubspaces;
  for (const step of golden.frozen.keys()) {
    const measured = measureSubspaces(schedule, state, { params, grads: made(100 + 7 * step), step });
    state = await chooseSubspaces(schedule, measured, { step, total }, { likePeft });
    all.push(state);
    const moved = made(300 + 5 * step, 0.05);
    params = mapRecord(params, (p, name) => (state.frozen.has(name) ? p : tf.add(p, moved[name]!)));
  }
  return all;
};

describe('subspace allocation', () => {
  it('freezes the subspaces that PEFT freezes, step by step', async () => {
    const found = await states(golden.schedule, true);
    expect(found.map(({ frozen }) => [...frozen].toSorted())).toEqual(golden.frozen);
  });

  it('keeps the number of subspaces that the schedule says', async () => {
    const found = await states(golden.schedule, false);
    const kept = found.map(({ frozen }) => total - frozen.size / 2);
    expect(kept).toEqual([8, 8, 6, 6, 4, 4, 3, 3, 3, 3, 3, 3]);
    // what is frozen stays so
    found.slice(1).forEach(({ frozen }, i) => expect([...found[i]!.frozen].every((n) => frozen.has(n))).toBe(true));
  });

  it('falls from all subspaces to the target', () => {
    const at = (step: number): number => subspaceBudget(golden.schedule, step, 8);
    expect([1, 2, 4, 6, 9, 12].map(at)).toEqual([8, 6, 4, 3, 3, 3]);
  });

  it('measures U before S, nothing outside of the warmup, and begins anew after a choice', async () => {
    const [params, grads] = [made(0), made(1)];
    const name = names[0]!;
    expect(measureSubspaces(golden.schedule, startOfSubspaces, { params, grads, step: 0 })).toBe(startOfSubspaces);
    const state = measureSubspaces(golden.schedule, startOfSubspaces, { params, grads, step: 1 });
    const I = await read(tf.abs(tf.mul(params[name]!, grads[name]!)));
    expect(await read(state.importance[name]!)).toBeAllClose(
      I.map((x) => 0.4 * x),
      { atol: 1e-6 },
    );
    expect(await read(state.uncertainty[name]!)).toBeAllClose(
      I.map((x) => 0.3 * x),
      { atol: 1e-6 },
    );
    const chosen = await chooseSubspaces(golden.schedule, state, { step: 2, total });
    expect(chosen.importance).toEqual({});
    expect(await chooseSubspaces(golden.schedule, state, { step: 3, total })).toBe(state);
  });
});
