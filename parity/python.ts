/**
 * Looks for a Python that has some packages.
 */
import { spawnSync } from 'node:child_process';
import { E } from '../src/fp.js';
import { fail, type Result } from '../src/problem.js';

/** A Python with what was asked for. */
export interface Python {
  /** Its command, or the path of its executable. */
  readonly command: string;
  /** Versions of Python itself and of the packages. */
  readonly versions: Readonly<Record<string, string>>;
}

// Reading the versions imports nothing: importing torch alone takes seconds.
const question = `
import importlib.metadata as m, json, platform, sys
print(json.dumps({"python": platform.python_version(), **{name: m.version(name) for name in sys.argv[1:]}}))
`;

/** Whether a command is a Python with these packages. */
export const pythonWith = (command: string, packages: ReadonlyArray<string>): Result<Python> => {
  const child = spawnSync(command, ['-c', question, ...packages], { encoding: 'utf8', timeout: 60_000 });
  if (child.status === 0)
    return E.right({ command, versions: JSON.parse(child.stdout) as Readonly<Record<string, string>> });
  const why = child.error?.message ?? child.stderr.trim().split('\n').at(-1) ?? 'no answer';
  return fail(command, `a Python with ${packages.join(', ')}`, why);
};

/** `WEFT_PYTHON` where it is set, otherwise `python3`, if it has these packages. */
export const findPython = (packages: ReadonlyArray<string>): Result<Python> =>
  pythonWith(process.env['WEFT_PYTHON'] ?? 'python3', packages);
