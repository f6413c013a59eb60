/**
 * Runs every examples/NN-*.ts as a user of the built package would (they import from 'weftjs') and fails when one fails.
 * With `--source` the package is read from src/, so that no build is needed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const conditions = process.argv.includes('--source') ? ['--conditions=weft-source'] : [];
const folder = join(root, 'examples');
const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => /^\d\d-.*\.ts$/.test(name)).toSorted();

const results = names.map((name) => {
  const started = performance.now();
  const child = spawnSync(process.execPath, [...conditions, '--import', 'tsx', join(folder, name)], {
    cwd: root,
    encoding: 'utf8',
    timeout: 300_000,
  });
  const ok = child.status === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (!ok) console.error(`${child.stdout}${child.stderr}${child.signal === null ? '' : `ended by ${child.signal}`}`);
  return ok;
});

const passed = results.filter(Boolean).length;
if (names.length === 0) console.error('examples/: nothing to run');
console.log(`examples: ${passed} of ${names.length} ran`);
process.exitCode = names.length > 0 && passed === names.length ? 0 : 1;
