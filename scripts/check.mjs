/**
 * Everything that must hold before a change is done. Runs all steps, whatever fails, and ends with a table and the line
 * `N passed, N failed`, which counts each test and each other step. Steps may be named: `npm run check -- lint types`.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tool = (path, ...args) => [process.execPath, [join(root, path), ...args]];
const started = performance.now();

const steps = [
  ['format', tool('node_modules/prettier/bin/prettier.cjs', '--check', '.')],
  ['lint', tool('node_modules/oxlint/bin/oxlint', '--deny-warnings')],
  ['style', tool('scripts/style.mjs')],
  ['cycles', tool('scripts/cycles.mjs')],
  ['types', tool('node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json')],
  ['docs', tool('scripts/doc-coverage.mjs')],
  ['bench', ['npm', ['run', '--silent', 'docs:bench', '--', '--check']]],
  ['tests', ['npm', ['test', '--silent']]],
  ['build', tool('scripts/build.mjs')],
  ['examples', tool('scripts/examples.mjs')],
  ['smoke', tool('scripts/smoke.mjs')],
];

/** Runs a step, shows what it prints, and resolves to `{ name, ok, seconds, passed, failed }`. */
const run = ([name, [command, args]]) =>
  new Promise((resolve) => {
    console.log(`\n== ${name}`);
    const begun = performance.now();
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: process.env });
    const tail = { text: '' };
    const show = (stream) => (chunk) => {
      stream.write(chunk);
      tail.text = (tail.text + chunk).slice(-2000);
    };
    child.stdout.on('data', show(process.stdout));
    child.stderr.on('data', show(process.stderr));
    const end = (ok) => {
      const counts = name === 'tests' ? /(\d+) passed, (\d+) failed\s*$/.exec(tail.text) : null;
      const passed = counts === null ? Number(ok) : Number(counts[1]);
      const failed = counts === null || (!ok && counts[2] === '0') ? Number(!ok) : Number(counts[2]);
      resolve({ name, ok, seconds: (performance.now() - begun) / 1000, passed, failed });
    };
    child.on('error', (error) => {
      console.error(error.message);
      end(false);
    });
    child.on('close', (status) => end(status === 0));
  });

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some(([step]) => step === name));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}: the steps are ${steps.map(([name]) => name).join(', ')}`);
  process.exit(2);
}

const chosen = steps.filter(([name]) => wanted.length === 0 || wanted.includes(name));
const results = await chosen.reduce(async (before, step) => [...(await before), await run(step)], Promise.resolve([]));

console.log(`\n== ${((performance.now() - started) / 1000).toFixed(0)} s`);
for (const { name, ok, seconds, passed, failed } of results)
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s${name === 'tests' ? `  ${passed} passed, ${failed} failed` : ''}`,
  );
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exitCode = total('failed') === 0 ? 0 : 1;
