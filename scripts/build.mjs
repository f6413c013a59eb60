/**
 * Builds dist/ from nothing: declarations and modules by tsc, the command as a bundle, then its executable bit.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'dist/cli/main.js');

/** The reason why the built command cannot be run as a program, if there is one. */
const brokenBin = () => {
  if (!existsSync(bin)) return 'dist/cli/main.js was not built: src/cli/main.ts is missing';
  if (!readFileSync(bin, 'utf8').startsWith('#!/usr/bin/env node\n'))
    return 'src/cli/main.ts lacks its first line #!/usr/bin/env node';
  chmodSync(bin, 0o755);
  return undefined;
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')];
const child = spawnSync(process.execPath, tsc, { cwd: root, stdio: 'inherit' });
if (child.status === 0) await bundle(root);
const broken = child.status === 0 ? brokenBin() : 'tsc failed';
if (broken !== undefined) console.error(`build: ${broken}`);
process.exitCode = broken === undefined ? 0 : 1;
