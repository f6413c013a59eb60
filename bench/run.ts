/**
 * Benches: Weft beside the programs that it is measured against, each in the same run.
 *
 * Needs the built package (`npm run bench` builds it): the merge is measured as the process that a user starts.
 */
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPython } from '../parity/python.js';
import { E } from '../src/fp.js';
import { renderProblems } from '../src/problem.js';
import { benches } from './catalog.js';
import { withFolder } from './folder.js';
import { writeReport } from './report.js';

const usage = `npm run bench -- [options]
  --only NAME      one bench instead of all; may be given more than once
  --case TEXT      only cases whose names hold TEXT; not for merge
  --quick          small sizes and one round: seconds instead of minutes, to see that everything works
  --runs N         rounds at most; each bench has its own number unless told
  --python PATH    a Python with torch, transformers and peft; python3 unless told
  --size-mb N      merge: size of the checkpoint, in MB; 1024 unless told
  --out FOLDER     where JSON and charts go; bench/results unless told, and nowhere with --quick or --case
  --folder FOLDER  where checkpoints are built; the system's folder for temporary files unless told
  --help           this

Benches:
${benches.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n')}`;

const count = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const n = Number(text);
  if (Number.isInteger(n) && n > 0) return n;
  throw new RangeError(`--${name}: expected a whole number above 0, found ${text}`);
};

const options = () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      case: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      python: { type: 'string' },
      'size-mb': { type: 'string' },
      out: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      help: { type: 'boolean', default: false },
    },
  });
  const names = benches.map(({ name }) => name);
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new RangeError(`--only: expected ${names.join(', ')}, found ${unknown}`);
  return {
    ...values,
    chosen: benches.filter(({ name }) => values.only?.includes(name) ?? true),
    runs: count('runs', values.runs),
    sizeMb: count('size-mb', values['size-mb']),
  };
};

const read = () => {
  try {
    return options();
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
};

const { chosen, case: only, quick, runs, python: command, sizeMb, out, folder: parent, help } = read();
if (help) {
  console.log(usage);
  process.exit(0);
}
if (command !== undefined) process.env['WEFT_PYTHON'] = command;
const python = findPython(['torch', 'transformers', 'peft', 'numpy']);
if (E.isLeft(python))
  console.error(`bench: without Python. ${renderProblems(python.left)}. Tell it with --python PATH.`);

const results = out ?? (quick || only !== '' ? undefined : fileURLToPath(new URL('results', import.meta.url)));
for (const { name, run } of chosen) {
  try {
    const report = await withFolder(parent, (folder, interrupted) =>
      run({ python: E.isRight(python) ? python.right : undefined, folder, interrupted, quick, only, runs, sizeMb }),
    );
    console.log(`\n${report.text}\n`);
    if (results !== undefined) for (const path of writeReport(results, report)) console.log(`wrote ${path}`);
  } catch (error) {
    console.error(`bench ${name}: ${(error as Error).message}`);
    process.exitCode = 1;
    if ((error as Error).message === 'interrupted') break;
  }
}
