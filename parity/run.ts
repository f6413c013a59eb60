/**
 * `npm run parity -- DIR [--json] [--only REGEX] [--backend wasm|cpu]`: every golden case below DIR against Weft.
 */
import { parseArgs } from 'node:util';
import { E } from '../src/fp.js';
import { useBackend, type Backend } from '../src/ops/backend.js';
import { renderProblems } from '../src/problem.js';
import { caseFolders, caseHeader } from './case.js';
import { runCase, type CaseResult } from './run-case.js';
import { jsonReport, textReport } from './report.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, only: { type: 'string' }, backend: { type: 'string', default: 'wasm' } },
});

const root = positionals[0];
if (root === undefined) {
  process.stderr.write('usage: npm run parity -- DIR [--json] [--only REGEX] [--backend wasm|cpu]\n');
  process.exit(2);
}

const started = await useBackend(values.backend as Backend);
if (E.isLeft(started)) {
  process.stderr.write(`${renderProblems(started.left)}\n`);
  process.exit(2);
}

const wanted = new RegExp(values.only ?? '');
const results: CaseResult[] = [];
const folders = await caseFolders(root);
for (const [i, folder] of folders.entries()) {
  const { id } = await caseHeader(folder);
  if (!wanted.test(id)) continue;
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${i + 1}/${folders.length} ${id}`);
  results.push(await runCase(folder));
}
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');

process.stdout.write(values.json ? `${JSON.stringify(jsonReport(results))}\n` : textReport(results, values.backend));
process.exitCode = results.some((r) => r.status === 'fail') || results.length === 0 ? 1 : 0;
