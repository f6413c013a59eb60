/**
 * Temporary folders for tests.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder, removed after the test file. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-'));
  made.push(folder);
  return folder;
};

/** Everything below a folder, hidden names included. */
export const tree = (folder: string): ReadonlyArray<string> =>
  (readdirSync(folder, { recursive: true }) as string[]).toSorted();
