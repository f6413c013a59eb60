/**
 * Packs the built package, installs the tarball into an empty project and uses it there in plain Node: every subpath is
 * imported and type-checked, the command answers, and it reads the adapters that the package ships.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = Object.keys(exports).filter((path) => path !== './package.json');
const specifier = (path) => name + path.slice(1);

const work = mkdtempSync(join(tmpdir(), 'weft-smoke-'));
const project = join(work, 'project');
const installed = join(project, 'node_modules', name);

const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const node = (args) => run(process.execPath, args, project);

const assert = (condition, message) => {
  if (!condition) throw new Error(message);
};

/** What an `import` of the subpath gives: its number of names. */
const imported = (path) => {
  const count = node([
    '--input-type=module',
    '-e',
    `console.log(Object.keys(await import('${specifier(path)}')).length)`,
  ]);
  assert(Number(count) > 0, `${specifier(path)} exports nothing`);
  return `${count.trim()} names`;
};

/** Makes an optional peer of this repository visible to the project, without a download. */
const linkPeer = (peer) => symlinkSync(join(root, 'node_modules', peer), join(project, 'node_modules', peer));

const typesResolve = () => {
  const lines = subpaths.map((path, i) => `import * as m${i} from '${specifier(path)}';\nexport const n${i} = m${i};`);
  writeFileSync(join(project, 'index.ts'), lines.join('\n'));
  const options = '--noEmit --strict --target es2022 --module nodenext --skipLibCheck --types node'.split(' ');
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  if (!existsSync(join(project, 'node_modules/@types/node'))) linkPeer('@types/node');
  node([join(root, 'node_modules/typescript/bin/tsc'), ...options, 'index.ts']);
  return 'ok';
};

/** Folders below `folder` that hold a PEFT adapter. */
const adaptersIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((file) => /(^|\/)adapter_config\.json$/.test(file))
        .map((file) => join(folder, dirname(file)))
    : [];

const weft = (...args) => node([join(project, 'node_modules/.bin/weft'), ...args]);

const steps = [
  [
    'pack and install',
    () => {
      assert(existsSync(join(root, 'dist/index.js')), 'dist/ is missing: run npm run build');
      const [{ filename, size, files }] = JSON.parse(
        run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], root),
      );
      const stray = files
        .map(({ path }) => path)
        .filter((path) => /^(test|bench|parity|scripts|node_modules)\//.test(path));
      assert(stray.length === 0, `the tarball holds ${stray.join(', ')}`);
      mkdirSync(project);
      writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'smoke', private: true, type: 'module' }));
      run(
        'npm',
        ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', join(work, filename)],
        project,
      );
      return `${files.length} files, ${Math.round(size / 1024)} kB packed`;
    },
  ],
  ...subpaths.filter((path) => path !== './laws').map((path) => [`import ${specifier(path)}`, () => imported(path)]),
  [
    `import ${specifier('./laws')}`,
    () => {
      linkPeer('fast-check');
      return imported('./laws');
    },
  ],
  ['types resolve', typesResolve],
  [
    'weft --help',
    () => {
      assert(/usage/i.test(weft('--help')), 'no usage text');
      return 'ok';
    },
  ],
  [
    'weft inspect',
    () => {
      const adapters = adaptersIn(join(installed, 'examples/data'));
      assert(adapters.length > 0, 'the package ships no adapter in examples/data');
      for (const adapter of adapters) JSON.parse(weft('inspect', adapter, '--json'));
      return `${adapters.length} adapters`;
    },
  ],
];

const results = steps.map(([title, step]) => {
  try {
    console.log(`ok   ${title}: ${step()}`);
    return true;
  } catch (error) {
    console.error(`FAIL ${title}: ${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
    return false;
  }
});
rmSync(work, { recursive: true, force: true });
process.exitCode = results.every(Boolean) ? 0 : 1;
