/**
 * Temporary folders for tests.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new empty folder, removed after the test that asks for it. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-'));
  // Not afterAll at the top: test files of one process share this module.
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Everything below a folder, hidden names included. */
export const tree = (folder: string): ReadonlyArray<string> =>
  (readdirSync(folder, { recursive: true }) as string[]).toSorted();
