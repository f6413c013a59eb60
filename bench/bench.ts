/**
 * A bench as data: cases, and the contenders that each of them is put to.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Program } from './child.js';
import type { Task, Variant } from './protocol.js';
import type { Start } from './made.js';
import type { GemmKind } from '../src/ops/backend.js';

/** One thing that is measured. */
export interface Case {
  readonly name: string;
  /** What every contender prepares. */
  readonly task: Task;
  /** Cases are shown under headings. */
  readonly group?: string;
  /** Floating point operations of a run, where a rate is of interest. */
  readonly flops?: number;
  /** Why some contenders have nothing to do here, by name. */
  readonly without?: Readonly<Record<string, string>>;
  readonly note?: string;
}

/** Someone who computes. Contenders of one program share its process, one after the other. */
export interface Contender {
  readonly name: string;
  readonly program: Program;
  readonly variant?: Variant;
  /** The contender whose numbers its own must agree with; the first unless told. */
  readonly like?: string;
}

/** Cases, contenders, and how long they may take. */
export interface Bench {
  readonly name: string;
  readonly title: string;
  readonly cases: ReadonlyArray<Case>;
  /**
   * The first is Weft, whose numbers the others must agree with. They prepare from the last to the first: the last may write files that
   * the others read.
   */
  readonly contenders: ReadonlyArray<Contender>;
  /** Rounds at most; in each, every contender is timed once. */
  readonly rounds: number;
  /** Milliseconds that one answer is filled with. */
  readonly least: number;
  /** Seconds that one question may take. */
  readonly limit: number;
  /** Seconds that a contender may take at a case; it takes part in fewer rounds where one of its runs is long. */
  readonly budget: number;
  /** A new process for every case, to see the memory that it takes. */
  readonly fresh?: boolean;
  /** Versions of what the contenders use, beside the machine's own. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** Comparisons are made on one thread, and on all that there are. */
export const threadCounts: ReadonlyArray<number> = [...new Set([1, cpus().length])];

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A program in this Node; `module` is relative to this folder. */
export const inNode = (module: string, start: Start): Program => ({
  command: process.execPath,
  args: [...process.execArgv, here('serve.ts'), module, JSON.stringify(start)],
});

const threadsText = (n: number): string => (n === 1 ? '1 thread' : `${n} threads`);

/** Weft with what multiplies its matrices, on one thread and on all; it is called by `name` where that is one thread and the default. */
const weft = (module: string, name: string, gemm: GemmKind): ReadonlyArray<Contender> =>
  threadCounts.map((threads) => ({
    name: threads === 1 && gemm !== 'native' ? name : `${name}, ${threadsText(threads)}`,
    program: inNode(module, { side: 'weft', gemm, threads }),
  }));

/** Weft as it comes, with fused multiply-adds, and with the system's OpenBLAS. */
export const weftContenders = (module: string): ReadonlyArray<Contender> => [
  ...weft(module, 'Weft', 'plain'),
  ...weft(module, 'Weft, FMA', 'fma'),
  ...weft(module, 'Weft, OpenBLAS', 'native'),
];

/** A library in Python on one thread and on all. */
export const pythonContenders = (name: string, program: Program): ReadonlyArray<Contender> =>
  threadCounts.map((threads) => ({ name: `${name}, ${threadsText(threads)}`, program, variant: { threads } }));

/** A program in Python; `module` is a file of the folder `python`. */
export const inPython = (command: string, module: string, env?: Readonly<Record<string, string>>): Program => ({
  command,
  args: [here('python/serve.py'), module],
  ...(env === undefined ? {} : { env }),
});
