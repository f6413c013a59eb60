/**
 * Runs all vitest tests and prints `N passed, N failed` last. Arguments go to vitest: `npm test -- test/ops`.
 *
 * Looks for a WebGPU adapter first and tells the tests through `WEFT_WEBGPU` (1 or 0): those that need one run only then.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { webgpuAdapter } from './webgpu-adapter.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const webgpu = process.env.WEFT_WEBGPU === '0' ? { ok: false, why: 'WEFT_WEBGPU=0' } : webgpuAdapter();
console.log(webgpu.ok ? `WebGPU: ${webgpu.name}` : `WebGPU: the tests that need it are skipped (${webgpu.why})`);

const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
const counts = join(folder, 'counts.json');
const child = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${join(root, 'scripts/counts-reporter.mjs')}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(webgpu.ok ? webgpu.env : {}), WEFT_WEBGPU: webgpu.ok ? '1' : '0', WEFT_COUNTS: counts },
  },
);

const read = () => {
  try {
    return JSON.parse(readFileSync(counts, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
};
const { passed, failed, skipped } = read();
rmSync(folder, { recursive: true, force: true });

// vitest may fail without a failed test: a broken configuration, a coverage threshold, no test found, a crash.
const failures = child.status === 0 ? failed : Math.max(failed, 1);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : child.status || 1;
