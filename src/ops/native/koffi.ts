/**
 * The optional package koffi, which calls functions of shared libraries.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';

/** A function of a library; arrays are passed as they lie, without a copy and without any check. */
export type NativeFunction = (...args: ReadonlyArray<unknown>) => unknown;

/** An open library. */
export interface NativeLibrary {
  /** A function by its C declaration; throws where the library lacks it. */
  readonly func: (declaration: string) => NativeFunction;
}

interface KoffiConfig {
  readonly sync_stack_size: number;
  readonly async_stack_size: number;
}

/** The part of koffi that is used. */
export interface Koffi {
  readonly config: (changes?: KoffiConfig) => KoffiConfig;
  readonly load: (path: string) => NativeLibrary;
}

/** Stacks of native calls. LAPACK's threaded LU overflows koffi's own 2 MiB, and ends the process with that. */
const STACKS: KoffiConfig = { sync_stack_size: 16 * 2 ** 20, async_stack_size: 8 * 2 ** 20 };

/** koffi refuses to change stacks once any library is loaded. */
const withLargeStacks = (koffi: Koffi): Result<Koffi> => {
  const config = koffi.config();
  if (config.sync_stack_size >= STACKS.sync_stack_size && config.async_stack_size >= STACKS.async_stack_size)
    return E.right(koffi);
  try {
    koffi.config({ ...config, ...STACKS });
    return E.right(koffi);
  } catch {
    const expected = `native stacks of ${STACKS.sync_stack_size} bytes`;
    const hint = 'open OpenBLAS before any other library, or set sync_stack_size and async_stack_size';
    return fail('koffi', expected, `${config.sync_stack_size}, and a library loaded`, hint);
  }
};

const importKoffi = async (): Promise<Koffi | undefined> => {
  if (typeof process === 'undefined' || process.versions?.node === undefined) return undefined;
  // A variable, so that browser bundlers do not follow it.
  const name = 'koffi';
  const imported = (await import(/* @vite-ignore */ name).catch(() => undefined)) as { default: Koffi } | undefined;
  return imported?.default;
};

/** koffi with stacks that suffice, or why not. */
export const koffiOf = async (): Promise<Result<Koffi>> => {
  const koffi = await importKoffi();
  return koffi === undefined
    ? fail('native library', 'the package koffi, under Node', 'none', 'install it: npm install koffi')
    : withLargeStacks(koffi);
};
