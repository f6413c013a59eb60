/**
 * Benches: merging a checkpoint against `cp` and PEFT, and operations against plain tfjs.
 *
 * npm run bench -- [--only merge|ops] [--size-mb N] [--runs N] [--out FOLDER] [--folder FOLDER]
 *
 * Needs the built package (`npm run bench` builds it): the merge is measured as the process that a user starts.
 */
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchMerge } from './merge/bench.js';
import { benchOps } from './ops/bench.js';
import { writeReport } from './report.js';

const usage = `npm run bench -- [options]
  --only merge|ops   one bench instead of both
  --size-mb N        size of the checkpoint that is merged, in MB; 1024 unless told
  --runs N           repetitions; 3 merges and 7 rounds of operations unless told
  --out FOLDER       where JSON and charts go; bench/results unless told
  --folder FOLDER    where the checkpoint is built; the system's folder for temporary files unless told`;

const benches = ['merge', 'ops'] as const;

const count = (text: string | undefined, otherwise: number): number => {
  const n = Number(text ?? otherwise);
  if (Number.isInteger(n) && n > 0) return n;
  throw new RangeError(`expected a whole number above 0, found ${text}`);
};

const options = () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      'size-mb': { type: 'string' },
      runs: { type: 'string' },
      out: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  if (values.only !== undefined && !benches.some((b) => b === values.only))
    throw new RangeError(`--only: expected merge or ops, found ${values.only}`);
  return {
    chosen: benches.filter((b) => values.only === undefined || values.only === b),
    sizeMb: count(values['size-mb'], 1024),
    mergeRuns: count(values.runs, 3),
    opsRuns: count(values.runs, 7),
    out: values.out ?? fileURLToPath(new URL('results', import.meta.url)),
    folder: values.folder ?? tmpdir(),
  };
};

const read = () => {
  try {
    return options();
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
};

const { chosen, sizeMb, mergeRuns, opsRuns, out, folder } = read();
try {
  for (const name of chosen) {
    const report =
      name === 'merge' ? await benchMerge({ sizeMb, runs: mergeRuns, folder }) : await benchOps({ runs: opsRuns });
    console.log(`\n${report.text}\n`);
    for (const path of writeReport(out, report)) console.log(`wrote ${path}`);
  }
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
