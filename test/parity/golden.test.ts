/**
 * Every golden case that the repository holds, against PEFT's results.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { caseFolders, caseHeader } from '../../parity/case.js';
import { checkNames, runCase } from '../../parity/run-case.js';

const root = fileURLToPath(new URL('../golden/cases', import.meta.url));

describe('golden cases', async () => {
  const folders = await caseFolders(root);

  it('should find the cases of the repository', () => expect(folders.length).toBeGreaterThanOrEqual(98));

  it.each(folders.map((folder) => [relative(root, folder), folder] as const))('%s', async (_, folder) => {
    const { checks } = await runCase(folder);
    const { merge_error: refused } = await caseHeader(folder);
    const outcomes = Object.fromEntries(checkNames.map((name) => [name, checks[name].outcome]));
    const why = checkNames.map((name) => checks[name].why).join('\n');
    expect(outcomes, why).toEqual({
      merged: refused === undefined ? 'pass' : 'n/a',
      forward: 'pass',
      gradient: 'pass',
      file: 'pass',
    });
  });
});
