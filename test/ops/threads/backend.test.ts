/** The option `threads` of the wasm backend. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { currentBackend, useBackend } from '../../../src/ops/backend.js';
import { problemsOf } from '../../setup/result.js';
import { largeResults } from './large.js';

/** The process loads everything from source; milliseconds, on a machine that is busy. */
const LONG = 180_000;

type Hashes = Readonly<Record<string, string>>;

/** What threads give, and that the process ends by itself. */
const inThreads = (): Readonly<Record<'three' | 'grown' | 'two' | 'one', Hashes>> & { readonly sum: number } => {
  const script = fileURLToPath(new URL('in-threads.ts', import.meta.url));
  const options = ['--import', 'tsx', '--conditions=weft-source'];
  const child = spawnSync(process.execPath, [...options, script], { encoding: 'utf8', timeout: LONG });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout.trim().split('\n').at(-1) as string) as ReturnType<typeof inThreads>;
};

describe.runIf(inject('backend') === 'wasm')('threads of the backend', () => {
  it(
    'give the bits of one thread, values and gradients, also when the memory has grown',
    async () => {
      const here = Object.entries(await largeResults());
      const expected = Object.fromEntries(
        here.map(([name, x]) => [name, createHash('sha256').update(x).digest('hex')]),
      );
      expect(here.every(([, x]) => x.some((v) => v !== 0) && x.every(Number.isFinite))).toBe(true);
      const found = inThreads();
      expect(found).toEqual({ three: expected, grown: expected, two: expected, one: expected, sum: 0 });
    },
    LONG,
  );

  it('need memory that is made for them, and a number', async () => {
    expect(problemsOf(await useBackend('wasm', { threads: 2 }))).toMatchObject([
      { at: 'backend wasm threads', hint: expect.stringMatching(/when the backend starts/) as string },
    ]);
    for (const threads of [0, -1, 1.5, NaN])
      expect(problemsOf(await useBackend('wasm', { threads }))).toMatchObject([{ found: String(threads) }]);
    expect(currentBackend()).toBe('wasm');
  });
});
