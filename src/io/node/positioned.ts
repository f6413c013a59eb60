/**
 * Reading and writing at positions of open files without giving way: what a thread that does nothing else does fastest.
 */
import { readSync, writeSync } from 'node:fs';
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { Place } from '../merge/unit.js';
import { attemptNow } from './attempt.js';

/** A file that ends before bytes which it had when it was opened. */
export const becameShorter = (path: string, offset: number, length: number, found: number): Result<never> =>
  fail(path, `${length} bytes at ${offset}`, `${found}`, 'the file became shorter while it was read');

const readFully = (descriptor: number, into: Uint8Array, position: number): number => {
  let done = 0;
  while (done < into.length) {
    const count = readSync(descriptor, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
};

/** Fills `into` from a place. */
export const fillNow = ({ path, descriptor, position }: Place, into: Uint8Array): Result<void> => {
  const done = attemptNow(path, 'a readable file', () => readFully(descriptor, into, position));
  if (E.isLeft(done)) return done;
  return done.right === into.length ? E.right(undefined) : becameShorter(path, position, into.length, done.right);
};

/** Writes all bytes to a place. */
export const writeNow = ({ path, descriptor, position }: Place, bytes: Uint8Array): Result<void> =>
  attemptNow(path, 'a file that can be written', () => {
    for (let done = 0; done < bytes.length;)
      done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  });
