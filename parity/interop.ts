/**
 * `npm run interop`: adapters saved by Weft load in Python PEFT and give the same logits.
 *
 * Skipped, with exit code 0, where Python with torch, transformers and peft cannot be had.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { E } from '../src/fp.js';
import { useBackend } from '../src/ops/backend.js';
import { renderProblems } from '../src/problem.js';
import { interopCases } from './interop-cases.js';
import { compare, prepare, type Outcome, type Prepared } from './interop-job.js';
import type { Python } from './python.js';
import { pythonWithPeft } from './venv.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const prepareAll = async (folder: string): Promise<ReadonlyArray<Prepared>> => {
  const prepared: Prepared[] = [];
  for (const [i, c] of interopCases.entries()) {
    const own = join(folder, String(i));
    mkdirSync(own);
    prepared.push(await prepare(c, path(`../test/golden/cases/bases/${c.base}`), own, i));
  }
  return prepared;
};

const runPeft = ({ command }: Python, folder: string, prepared: ReadonlyArray<Prepared>): void => {
  const jobs = join(folder, 'jobs.json');
  writeFileSync(jobs, JSON.stringify(prepared.map((p) => p.job)));
  const child = spawnSync(command, [path('interop.py'), jobs], {
    encoding: 'utf8',
    // The bases are folders: nothing is looked up elsewhere.
    env: { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' },
  });
  if (child.status !== 0) throw new Error(`interop.py: ${child.error?.message ?? child.stderr.slice(-4000)}`);
};

const line = (name: string, { problems, errors }: Outcome): string =>
  [
    (problems.length === 0 ? 'ok' : 'FAIL').padEnd(5),
    name.padEnd(42),
    ...(['base', 'adapted', 'merged'] as const).map((n) => errors[n].toExponential(1).padStart(8)),
    ...(problems.length === 0 ? [] : [`  ${problems.join('; ')}`]),
  ].join(' ');

const report = async (folder: string, python: Python): Promise<number> => {
  const prepared = await prepareAll(folder);
  runPeft(python, folder, prepared);
  const outcomes: Outcome[] = [];
  for (const p of prepared) outcomes.push(await compare(p));
  const failed = outcomes.filter((o) => o.problems.length > 0).length;
  console.log(
    Object.entries(python.versions)
      .map((entry) => entry.join(' '))
      .join(', '),
  );
  console.log('Largest difference of logits, Weft against PEFT; allowed: 1e-4 of the largest logit.');
  console.log(`${' '.repeat(48)} ${['base', 'adapted', 'merged'].map((n) => n.padStart(8)).join(' ')}`);
  prepared.forEach((p, i) => console.log(line(p.name, outcomes[i] as Outcome)));
  console.log(`interop: ${prepared.length - failed} passed, ${failed} failed`);
  return failed;
};

const main = async (): Promise<number> => {
  const python = pythonWithPeft((text) => console.error(`interop: ${text}`));
  if (E.isLeft(python)) {
    console.log(`interop: skipped. ${renderProblems(python.left)}`);
    return 0;
  }
  const started = await useBackend('wasm');
  if (E.isLeft(started)) throw new Error(renderProblems(started.left));
  const folder = mkdtempSync(join(tmpdir(), 'weft-interop-'));
  try {
    return await report(folder, python.right);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) === 0 ? 0 : 1;
