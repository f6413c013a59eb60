/**
 * All benches.
 */
import type { Bench } from './bench.js';
import { compare } from './compare.js';
import { forwardBench } from './forward/bench.js';
import { gemmBench } from './gemm/bench.js';
import { benchMerge } from './merge/bench.js';
import { methodsBench } from './methods/bench.js';
import { opsBench } from './ops/bench.js';
import type { Drawing } from './present.js';
import type { Report } from './report.js';
import type { Setting } from './setting.js';
import { trainingBench } from './training/bench.js';

/** A bench by its name. */
export interface Entry {
  readonly name: string;
  readonly about: string;
  readonly run: (setting: Setting) => Promise<Report>;
}

/** A bench of cases and contenders; one round where that is asked for. */
const comparison = (name: string, about: string, bench: (setting: Setting) => Bench, drawing: Drawing): Entry => ({
  name,
  about,
  run: (setting) => {
    const whole = bench(setting);
    const cases = whole.cases.filter((one) => one.name.includes(setting.only));
    return compare(
      { ...whole, cases, rounds: setting.runs ?? (setting.quick ? 1 : whole.rounds) },
      drawing,
      setting.interrupted,
    );
  },
});

/** Every bench, in the order in which they run. */
export const benches: ReadonlyArray<Entry> = [
  {
    name: 'merge',
    about: 'a whole checkpoint with a LoRA: weft merge, cp, PEFT',
    run: ({ folder, interrupted, quick, runs, sizeMb }) =>
      benchMerge({ folder, interrupted, runs: runs ?? (quick ? 1 : 3), sizeMb: sizeMb ?? (quick ? 32 : 1024) }),
  },
  comparison('methods', 'one weight of 4096 x 4096, every method: Weft, PEFT', methodsBench, {
    against: 'PEFT, 1 thread',
  }),
  comparison('gemm', 'matrix products: Weft, tfjs, jax-js, numpy', gemmBench, { against: 'tfjs' }),
  comparison('training', 'loss and gradients of a LoRA: Weft, tfjs, jax-js, torch', trainingBench, 'each case'),
  comparison('forward', 'a forward pass: base, adapter attached, adapter merged; tfjs', forwardBench, {
    against: 'Weft, attached',
  }),
  comparison('ops', 'layers, updates, conversions: Weft, tfjs', () => opsBench, { against: 'tfjs' }),
];
