/**
 * The merge bench: `weft merge` of a whole checkpoint against copying it and against PEFT.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { E } from '../../src/fp.js';
import { renderProblems } from '../../src/problem.js';
import { findPython } from '../../parity/python.js';
import { machine } from '../machine.js';
import type { Report } from '../report.js';
import { cp, durableCp, peft, weft, type Contender, type Job } from './contenders.js';
import { differenceOf } from './difference.js';
import { changedBytesOf, geometryOf, writeAdapter, writeCheckpoint } from './model.js';
import { reportOf, type Found, type Run } from './report.js';

/** Ranks of the adapters, and threads that merge them. */
const RANKS = [8, 16, 64];
const THREADS = [1, 2];

/** The rank at which PEFT is measured too. */
const RANK = 16;

/** Options of the merge bench. */
export interface MergeBenchOptions {
  readonly sizeMb: number;
  readonly runs: number;
  /** An empty folder for the checkpoint and all outputs. */
  readonly folder: string;
  /** Ends the programs. */
  readonly interrupted: AbortSignal;
}

const tell = (text: string): void => console.error(`bench merge: ${text}`);

const make = (folder: string, name: string): string => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
};

/** All contenders beside each other in every run, each run starting with another one. */
const interleaved = async (
  contenders: ReadonlyArray<Contender>,
  runs: number,
  once: (contender: Contender, run: number) => Promise<Run>,
): Promise<ReadonlyArray<Run>> => {
  const found: Run[] = [];
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < contenders.length; i++)
      found.push(await once(contenders[(run + i) % contenders.length] as Contender, run));
  }
  return found;
};

const measureAll = async ({ folder, interrupted, sizeMb, runs }: MergeBenchOptions): Promise<Found> => {
  const geometry = geometryOf(sizeMb);
  const base = make(folder, 'base');
  tell(`building a checkpoint of about ${sizeMb} MB in ${folder}`);
  const baseBytes = await writeCheckpoint(base, geometry);
  const adapters = new Map(RANKS.map((rank) => [rank, make(folder, `r${rank}`)]));
  const adapterBytes: number[] = [];
  for (const [rank, path] of adapters) adapterBytes.push(await writeAdapter(path, geometry, rank));
  const python = findPython(['torch', 'transformers', 'peft']);
  if (E.isLeft(python)) tell(`PEFT is skipped. ${renderProblems(python.left)}. Set WEFT_PYTHON to compare with it.`);
  const most = Math.max(...THREADS);
  const ours = [
    ...RANKS.flatMap((rank) => THREADS.map((threads) => weft(rank, threads))),
    weft(RANK, most, ['--fma']),
    // as cp, which leaves its files to the system
    weft(RANK, most, ['--no-sync']),
    weft(RANK, most, ['--fma', '--no-sync']),
  ];
  const compared = weft(RANK, most).name;
  const theirs = E.isRight(python) ? [peft(python.right, RANK)] : [];
  const contenders = [cp, durableCp, ...ours, ...theirs];
  const jobOf = ({ name, rank }: Pick<Contender, 'name' | 'rank'>): Job => ({
    base,
    adapter: adapters.get(rank) ?? '',
    out: join(folder, `out ${name}`),
    interrupted,
  });
  const clear = (job: Job): void => rmSync(job.out, { recursive: true, force: true });
  const results = await interleaved(contenders, runs, async (contender, i) => {
    const { name } = contender;
    const job = jobOf(contender);
    clear(job);
    const { stdout: _, ...numbers } = await contender.run(job);
    tell(`run ${i + 1}: ${name} ${numbers.seconds.toFixed(2)} s`);
    // The last outputs of Weft and PEFT are compared.
    if (i < runs - 1 || (name !== compared && name !== theirs[0]?.name)) clear(job);
    return { name, ...numbers };
  });
  return {
    machine: machine(),
    python: E.isRight(python) ? python.right.versions : undefined,
    geometry,
    ranks: RANKS,
    compared,
    baseBytes,
    changedBytes: changedBytesOf(geometry),
    adapterBytes,
    runs: results,
    difference:
      theirs[0] === undefined
        ? undefined
        : await differenceOf(jobOf({ name: compared, rank: RANK }).out, jobOf(theirs[0]).out),
  };
};

/** Measures every contender. */
export const benchMerge = async (options: MergeBenchOptions): Promise<Report> => reportOf(await measureAll(options));
