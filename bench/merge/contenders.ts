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

/** What a run took, and what a program says of itself. */
export type Told = Measured & {
  /** Seconds from the start of the process until it begins with the work. */
  readonly start?: number;
  /** Seconds from then on until all bytes are written, into the page cache. */
  readonly written?: number;
  /** Seconds of each step. */
  readonly inner?: Readonly<Record<string, number>>;
};

/** A program that makes `out`. */
export interface Contender {
  readonly name: string;
  /** The rank of the adapter that it merges. */
  readonly rank: number;
  readonly run: (job: Job) => Promise<Told>;
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

const copied = ({ base, out, interrupted }: Job): Promise<Measured> => measured('cp', ['-R', base, out], interrupted);

/** `cp` of the base's folder into the page cache. */
export const cp: Contender = { name: 'cp', rank: 0, run: copied };

/** `cp`, then fsync of every file. */
export const durableCp: Contender = { name: 'cp + fsync', rank: 0, run: (job) => durably(job, copied(job)) };

/** Options of `weft merge`, and what the contender that has them is called. */
const named = { '--fma': ', FMA', '--no-sync': ', without fsync' } as const;

/** `weft merge` of the built package, from the start of its process to its end. */
export const weft = (rank: number, workers: number, options: ReadonlyArray<keyof typeof named> = []): Contender => ({
  name: `weft r=${rank}, ${workers} thread${workers === 1 ? '' : 's'}${options.map((o) => named[o]).join('')}`,
  rank,
  run: async ({ base, adapter, out, interrupted }) => {
    const command = [path('../../dist/cli/main.js'), 'merge', '--json', '--workers', String(workers), ...options];
    const folders = ['--base', base, '--adapter', adapter, '--out', out];
    const done = await measured(process.execPath, [...command, ...folders], interrupted);
    const told = JSON.parse(done.stdout) as { readonly seconds: number; readonly writtenSeconds: number };
    return { ...done, start: done.seconds - told.seconds, written: told.writtenSeconds };
  },
});

/** PEFT in Python: the process whole, and inside of it each step. */
export const peft = ({ command }: Python, rank: number): Contender => ({
  name: `PEFT r=${rank}`,
  rank,
  run: async (job) => {
    const done = await durably(
      job,
      measured(command, [path('../peft_merge.py'), job.base, job.adapter, job.out], job.interrupted),
    );
    const inner = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '{}') as Readonly<Record<string, number>>;
    return { ...done, inner, start: inner['import'] ?? 0 };
  },
});
