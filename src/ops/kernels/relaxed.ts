/**
 * Builds of kernels with fused multiply-adds, where the engine has relaxed SIMD.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { runs } from './instantiate.js';

/** Node 20 knows relaxed SIMD behind a flag of V8, which may be set while it runs. */
const allowRelaxedSimd = async (): Promise<void> => {
  if (typeof process === 'undefined' || process.versions?.node === undefined) return;
  // A variable, so that browser bundlers do not follow it.
  const name = 'node:v8';
  const v8 = (await import(/* @vite-ignore */ name)) as { readonly setFlagsFromString: (flag: string) => void };
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
};

/**
 * A relaxed build once this engine runs it, under Node 20 by setting a flag of V8; a problem where it does not.
 *
 * @param base64 the module
 * @param at what the problem calls the option that asked for it
 */
export const relaxed = async (base64: string, at: string): Promise<Result<string>> => {
  if (!runs(base64)) await allowRelaxedSimd();
  return runs(base64)
    ? E.right(base64)
    : fail(at, 'an engine with relaxed SIMD', 'one without', 'use Node 20 or later, or leave the option out');
};
