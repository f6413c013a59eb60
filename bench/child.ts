/**
 * The bench's end of a contender's process: questions with a time limit, and its memory.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { E } from '../src/fp.js';
import { Answer, type Question } from './protocol.js';

/** How a contender's process is started. */
export interface Program {
  readonly command: string;
  readonly args: ReadonlyArray<string>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that answers. */
export interface Child {
  /** Its answer, or an `error`: its own, that it ended, or that it took longer than `limit` seconds, after which it is killed. */
  readonly ask: (question: Question, limit: number) => Promise<Answer>;
  readonly alive: () => boolean;
  /** The largest resident set so far, in bytes; undefined outside of Linux. */
  readonly peakRss: () => number | undefined;
  readonly stop: () => void;
}

const STDERR_KEPT = 2000;

const peakRss = (pid: number | undefined): number | undefined => {
  try {
    const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? undefined : 1024 * Number(kb);
  } catch {
    return undefined;
  }
};

const decode = (line: string): Answer => {
  const answer = Answer.decode(JSON.parse(line));
  return E.isRight(answer) ? answer.right : { error: `expected an answer, found ${line.slice(0, 200)}` };
};

/** Ends the processes that run when this one ends. */
const running = new Set<() => void>();
process.once('exit', () => running.forEach((stop) => stop()));

/** Starts a program; its output is kept for its last words. */
export const startChild = ({ command, args, env }: Program): Child => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const state: { ended: boolean; words: string; settle: (answer: Answer) => void } = {
    ended: false,
    words: '',
    settle: () => undefined,
  };
  const hear = (chunk: Buffer): void => void (state.words = (state.words + chunk.toString()).slice(-STDERR_KEPT));
  const stop = (): void => void child.kill('SIGKILL');
  const end = (why: string): void => {
    state.ended = true;
    running.delete(stop);
    const last = state.words.trim().split('\n').at(-1) ?? '';
    state.settle({ error: last === '' ? why : `${why}: ${last}` });
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  // Writing to a process that has ended is told by its end.
  child.stdin?.on('error', () => undefined);
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => state.settle(decode(line)));
  child.once('error', ({ message }) => end(message));
  child.once('close', (code, signal) => end(`the process ended with ${signal ?? code}`));
  running.add(stop);
  return {
    ask: (question, limit) =>
      new Promise((resolve) => {
        if (state.ended) return resolve({ error: 'the process has ended' });
        const late = setTimeout(() => {
          state.settle({ error: `did not finish in ${limit} s` });
          state.ended = true;
          stop();
        }, 1000 * limit);
        state.settle = (answer) => {
          clearTimeout(late);
          resolve(answer);
        };
        child.stdin?.write(`${JSON.stringify(question)}\n`);
      }),
    alive: () => !state.ended,
    peakRss: () => peakRss(child.pid),
    stop: () => {
      state.ended = true;
      running.delete(stop);
      stop();
    },
  };
};
