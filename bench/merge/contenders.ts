/**
 * The programs that the merge is measured against, and Weft itself.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Python } from '../../parity/python.js';
import { measured, type Measured } from './process.js';

/** Folders of one run. */
export interface Job {
  readonly base: string;
  readonly adapter: string;
  /** Does not exist yet. */
  readonly out: string;
  /** Ends the program. */
  readonly interrupted: AbortSignal;
}

/** A program that makes `out`. */
export interface Contender {
  readonly name: string;
  readonly run: (job: Job) => Promise<Measured & { readonly inner?: Readonly<Record<string, number>> }>;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Makes a folder's files durable and gives the seconds that it took. */
const syncFiles = async (folder: string): Promise<number> => {
  const started = performance.now();
  for (const name of await readdir(folder)) {
    const handle = await open(join(folder, name), 'r+');
    await handle.sync();
    await handle.close();
  }
  return (performance.now() - started) / 1000;
};

/** Adds making the files durable, which Weft does by itself. */
const durably = async (job: Job, run: Promise<Measured>): Promise<Measured> => {
  const done = await run;
  return { ...done, seconds: done.seconds + (await syncFiles(job.out)) };
};

/** `cp` of the base's folder, then fsync of every file. */
export const cp: Contender = {
  name: 'cp + fsync',
  run: (job) => durably(job, measured('cp', ['-R', job.base, job.out], job.interrupted)),
};

/** `weft merge` of the built package, from the start of its process to its end. */
export const weft: Contender = {
  name: 'weft merge',
  run: ({ base, adapter, out, interrupted }) =>
    measured(
      process.execPath,
      [path('../../dist/cli/main.js'), 'merge', '--base', base, '--adapter', adapter, '--out', out, '--json'],
      interrupted,
    ),
};

/** PEFT in Python: the process whole, and inside of it each step. */
export const peft = ({ command }: Python): Contender => ({
  name: 'PEFT',
  run: async (job) => {
    const done = await durably(
      job,
      measured(command, [path('../peft_merge.py'), job.base, job.adapter, job.out], job.interrupted),
    );
    const inner = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '{}') as Readonly<Record<string, number>>;
    return { ...done, inner };
  },
});
