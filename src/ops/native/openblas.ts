/**
 * The system's OpenBLAS through the optional package koffi: opened once, off unless asked for.
 *
 * Native code checks nothing. Whoever calls a function asserts the length and the type of every array first.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { koffiOf, type Koffi, type NativeFunction, type NativeLibrary } from './koffi.js';

/** Which library to open, and how many threads it may use. */
export interface OpenBlasOptions {
  /** Name or path of the shared library; by default the names that systems give it are tried. */
  readonly path?: string;
  /** Threads of one call, at least 1; by default OpenBLAS decides (`OPENBLAS_NUM_THREADS`, or one a core). */
  readonly threads?: number;
}

/** An open OpenBLAS. */
export interface OpenBlas {
  /** The name under which it was found. */
  readonly path: string;
  /** Its own description: version, build options, kind of core. */
  readonly config: string;
  /** Threads that a call uses now; the number is the library's, one for the whole process. */
  readonly threads: () => number;
  /** A function by its C declaration, such as `int sgetrf_(int *, ...)`, or a problem where the library lacks it. */
  readonly func: (declaration: string) => Result<NativeFunction>;
}

const NAMES = [
  'libopenblas.so.0',
  'libopenblas.so',
  'libopenblas.dylib',
  '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
  '/usr/local/opt/openblas/lib/libopenblas.dylib',
  'libopenblas.dll',
  'openblas.dll',
] as const;

const INSTALL =
  'install OpenBLAS (Debian: libopenblas0, Fedora: openblas, Homebrew: openblas) or give the path of its library';

const loadFirst = (koffi: Koffi, names: ReadonlyArray<string>): Result<readonly [string, NativeLibrary]> => {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return E.right([name, koffi.load(name)]);
    } catch (error) {
      reasons.push(`${name} (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  return fail('OpenBLAS', `a library named ${names.join(', ')}`, `none: ${reasons[0]}`, INSTALL);
};

const functionsOf =
  (path: string, library: NativeLibrary): OpenBlas['func'] =>
  (declaration) => {
    try {
      return E.right(library.func(declaration));
    } catch (error) {
      const hint = 'the library may be built without it; install a complete OpenBLAS';
      return fail(path, declaration, error instanceof Error ? error.message : String(error), hint);
    }
  };

const describe = (path: string, library: NativeLibrary): Result<OpenBlas> => {
  const func = functionsOf(path, library);
  const config = func('const char *openblas_get_config()');
  const threads = func('int openblas_get_num_threads()');
  if (E.isLeft(config) || E.isLeft(threads)) return fail(path, 'OpenBLAS', 'another library', INSTALL);
  const text = String(config.right());
  if (text.includes('USE64BITINT'))
    return fail(path, 'OpenBLAS with 32 bit integers', text, 'install the build whose name does not end in 64');
  return E.right({ path, config: text, threads: () => Number(threads.right()), func });
};

const opened = new Map<string | undefined, OpenBlas>();

const open = async (path: string | undefined): Promise<Result<OpenBlas>> => {
  const known = opened.get(path);
  if (known !== undefined) return E.right(known);
  const library = E.chain((koffi: Koffi) => loadFirst(koffi, path === undefined ? NAMES : [path]))(await koffiOf());
  const blas = E.chain((found: readonly [string, NativeLibrary]) => describe(...found))(library);
  if (E.isRight(blas)) opened.set(path, blas.right);
  return blas;
};

/**
 * Opens the library; calls after the first give the same one.
 *
 * @returns the library, or what to install: koffi, OpenBLAS
 */
export const openBlas = async ({ path, threads }: OpenBlasOptions = {}): Promise<Result<OpenBlas>> => {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    return fail('OpenBLAS threads', 'a whole number above 0', String(threads));
  const blas = await open(path);
  if (threads === undefined || E.isLeft(blas)) return blas;
  return E.map((set: NativeFunction) => {
    set(threads);
    return blas.right;
  })(blas.right.func('void openblas_set_num_threads(int)'));
};
