/** What lanes ask of the files that they write, without any bytes. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { E } from '../../../src/fp.js';
import type { PlacedFile } from '../../../src/io/file-system.js';
import { runInLanes, type InLanes } from '../../../src/io/merge/in-lanes.js';
import { fail } from '../../../src/problem.js';
import { problemsOf } from '../result.js';

const MIB = 1 << 20;

/** A job that copies `mib` MiB into one file. */
const job = (mib: number, file: Pick<PlacedFile, 'flush' | 'close'>): InLanes => {
  const stored = { dtype: 'BF16', shape: [mib * (MIB / 2)], byteLength: mib * MIB, offset: 0, file: 'one' };
  const tensor = { name: 'w', source: 'w', key: undefined, stored, reads: [] };
  const base = { name: 'one', source: { name: 'one', descriptor: 0 } };
  const placed = { path: 'one', descriptor: 1, write: async () => E.right(undefined), ...file };
  return {
    plan: { files: [{ name: 'one', head: new Uint8Array(8), tensors: [tensor], same: false }] },
    run: { checkpoint: { files: new Map([['one', base]]) }, tileBytes: MIB / 2, advance: () => undefined },
    lanes: {
      lanes: [{ run: async () => (await setImmediate(), E.right(-1)), depth: 2 }],
      close: async () => undefined,
    },
    place: async () => E.right(placed),
    copyFile: async () => E.right(undefined),
  } as unknown as InLanes;
};

it('makes a file durable as it grows, once at a time, and closes it at its end', async () => {
  const calls: string[] = [];
  const flush = async () => {
    calls.push('flush');
    await setTimeout(1);
    calls.push('flushed');
    return E.right(undefined);
  };
  const close = async () => (calls.push('close'), E.right(undefined));
  expect(await runInLanes(job(4000, { flush, close }))).toEqual(E.right(undefined));
  const last = calls.indexOf('close');
  expect(calls.filter((c) => c === 'close')).toEqual(['close']);
  expect(calls.filter((c) => c === 'flush').length).toBeGreaterThan(1);
  for (let i = 0; i < last - 1; i += 2) expect(calls.slice(i, i + 2)).toEqual(['flush', 'flushed']);
  calls.length = 0;
  expect(await runInLanes(job(64, { flush, close }))).toEqual(E.right(undefined));
  expect(calls).toEqual(['close']);
});

it('tells that a file could not be made durable', async () => {
  const flush = async () => fail('one', 'a file that can be written', 'ENOSPC');
  const done = await runInLanes(job(100, { flush, close: async () => E.right(undefined) }));
  expect(problemsOf(done)).toEqual(['one: expected a file that can be written, found ENOSPC']);
});
