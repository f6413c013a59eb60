/**
 * Starts tfjs's wasm backend, with the kernels that Weft mends.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { tf } from '../tf.js';
import { mendWasmKernels } from './wasm-kernels.js';

/** Folder with the package's .wasm files under Node; undefined where files cannot be looked up, as in a browser. */
const packageFolder = async (): Promise<string | undefined> => {
  if (typeof process === 'undefined' || process.versions?.node === undefined) return undefined;
  // The names are variables so that browser bundlers do not follow them.
  const [moduleName, pathName] = ['node:module', 'node:path'];
  const { createRequire } = (await import(/* @vite-ignore */ moduleName)) as typeof import('node:module');
  const { dirname, sep } = (await import(/* @vite-ignore */ pathName)) as typeof import('node:path');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  return `${dirname(entry)}${sep}`;
};

/**
 * Makes wasm the current backend.
 *
 * @param wasmPath folder or URL prefix of the .wasm files; by default that of the installed package, under Node
 */
export const startWasm = async (wasmPath?: string): Promise<Result<'wasm'>> => {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const folder = wasmPath ?? (await packageFolder());
  // Threads bring nothing in tfjs 4.22 (its products run on one), and their start breaks in minified bundles.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  mendWasmKernels();
  try {
    if (folder !== undefined) setWasmPaths(folder);
    if (await tf.setBackend('wasm')) return E.right('wasm');
  } catch {
    // tfjs refuses new paths after a failed start; it is reported like the failure itself.
  }
  // Otherwise tfjs would go on naming wasm as its backend.
  if (tf.findBackendFactory('wasm') !== null) tf.removeBackend('wasm');
  const hint = 'pass wasmPath; tfjs starts wasm only once in a process or page';
  return fail('backend wasm', `.wasm files under ${folder ?? 'the page'}`, 'none that load', hint);
};
