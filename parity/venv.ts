/**
 * A Python with PEFT: one that is there, or a virtual environment that is made once and kept.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { E } from '../src/fp.js';
import { fail, type Result } from '../src/problem.js';
import { findPython, pythonWith, type Python } from './python.js';

const packages = ['torch', 'transformers', 'peft'];

/** Downloading torch takes minutes. */
const INSTALL_MS = 30 * 60_000;

const folder = fileURLToPath(new URL('../node_modules/.cache/weft/python', import.meta.url));

const executable = (): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

const step = (command: string, args: ReadonlyArray<string>, timeout: number): Result<void> => {
  const child = spawnSync(command, args, { encoding: 'utf8', timeout });
  const why = child.error?.message ?? child.stderr.trim().split('\n').at(-1) ?? '';
  return child.status === 0 ? E.right(undefined) : fail(`${command} ${args.slice(0, 2).join(' ')}`, 'success', why);
};

const build = (tell: (text: string) => void): Result<Python> => {
  tell(`installing ${packages.join(', ')} for Python in ${folder}, once; this may download gigabytes`);
  const made = step('python3', ['-m', 'venv', folder], 120_000);
  if (E.isLeft(made)) return made;
  const installed = step(executable(), ['-m', 'pip', 'install', '--quiet', ...packages], INSTALL_MS);
  return E.isLeft(installed) ? installed : pythonWith(executable(), packages);
};

/**
 * Finds or makes a Python with torch, transformers and peft.
 *
 * `WEFT_PYTHON` is taken as it is; otherwise `python3` if it has them, otherwise a virtual environment below
 * node_modules/.cache. A failed installation leaves nothing.
 */
export const pythonWithPeft = (tell: (text: string) => void): Result<Python> => {
  const found = findPython(packages);
  if (E.isRight(found) || process.env['WEFT_PYTHON'] !== undefined) return found;
  const kept = existsSync(executable()) ? pythonWith(executable(), packages) : found;
  if (E.isRight(kept)) return kept;
  const built = build(tell);
  if (E.isLeft(built)) rmSync(folder, { recursive: true, force: true });
  return built;
};
