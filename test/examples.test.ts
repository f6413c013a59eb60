/** Every example runs, from the sources: no build is needed. `npm run check` runs them again on the built package. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const names = readdirSync(`${root}/examples`).filter((name) => /^\d\d-.*\.ts$/.test(name));

describe('examples', () => {
  it('exist', () => {
    expect(names).not.toEqual([]);
  });

  it.each(names)('%s', { timeout: 120_000 }, async (name) => {
    const args = ['--conditions=weft-source', '--import', 'tsx', `${root}/examples/${name}`];
    // Rejects, with what the example printed, when it ends with another status than 0.
    const { stdout } = await run(process.execPath, args, { cwd: root });
    expect(stdout).not.toBe('');
  });
});
