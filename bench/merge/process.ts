/**
 * Running a program and measuring it from outside: wall time, peak resident memory, CPU time.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What one run of a program took. Memory and CPU time are read from /proc, so they are absent outside of Linux. */
export interface Measured {
  readonly seconds: number;
  /** VmHWM: the largest resident set, mapped files included, in bytes. */
  readonly peakRss: number | undefined;
  /** User and system time of all threads. */
  readonly cpuSeconds: number | undefined;
  readonly stdout: string;
}

/** How often /proc is read; the peak only ever grows, so that just the last interval can be missed. */
const INTERVAL_MS = 10;

/** Linux tells times to programs in hundredths of a second on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

const look = (pid: number): { readonly peakRss: number; readonly cpuSeconds: number } | undefined => {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    // Fields behind the program's name, which may hold spaces: 14 and 15 of proc(5) are utime and stime.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = Number(fields[11]) + Number(fields[12]);
    return peak === undefined ? undefined : { peakRss: 1024 * Number(peak), cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
};

/**
 * Runs a program to its end. Rejects when it cannot start or fails, with what it wrote to stderr; once it is interrupted, when it
 * has ended.
 */
export const measured = (command: string, args: ReadonlyArray<string>, interrupted: AbortSignal): Promise<Measured> =>
  new Promise((resolve, reject) => {
    interrupted.throwIfAborted();
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const seen: { last: ReturnType<typeof look> } = { last: undefined };
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const timer = setInterval(() => {
      if (child.pid !== undefined) seen.last = look(child.pid) ?? seen.last;
    }, INTERVAL_MS);
    const kill = (): void => void child.kill('SIGKILL');
    interrupted.addEventListener('abort', kill);
    child.once('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearInterval(timer);
      interrupted.removeEventListener('abort', kill);
      const seconds = (performance.now() - started) / 1000;
      if (interrupted.aborted) reject(interrupted.reason as Error);
      else if (code === 0)
        resolve({
          seconds,
          peakRss: seen.last?.peakRss,
          cpuSeconds: seen.last?.cpuSeconds,
          stdout: output.stdout,
        });
      else reject(new Error(`${command} ended with ${signal ?? code}: ${output.stderr.trim().slice(-2000)}`));
    });
  });
