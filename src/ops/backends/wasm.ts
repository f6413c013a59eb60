/**
 * Starts tfjs's wasm backend, with the kernels that Weft mends.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { useNativeLinalg } from '../linalg/native.js';
import { nativeLinalg } from '../native/lapack.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import { tf } from '../tf.js';
import { installAddMatMul } from './wasm-add-mat-mul.js';
import { installConv } from './wasm-conv.js';
import { installElements } from './wasm-elements.js';
import { installGemm, openerOf, type GemmKind } from './wasm-gemm.js';
import { mendWasmKernels } from './wasm-kernels.js';

/** Options of the wasm backend, see `BackendOptions`. */
export interface WasmOptions {
  readonly wasmPath?: string;
  readonly gemm?: GemmKind;
  readonly native?: OpenBlasOptions;
}

/**
 * Makes wasm the current backend.
 *
 * @param options.wasmPath folder or URL prefix of the .wasm files; by default they are looked for beside tfjs's script, which is
 *   the installed package under Node
 */
export const startWasm = async (options: WasmOptions): Promise<Result<'wasm'>> => {
  const { wasmPath } = options;
  const opener = await openerOf(options.gemm ?? 'plain', options.native);
  if (E.isLeft(opener)) return opener;
  const linalg = options.gemm === 'native' ? await nativeLinalg(options.native) : undefined;
  if (linalg !== undefined && E.isLeft(linalg)) return linalg;
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  // Threads bring nothing in tfjs 4.22 (its products run on one), and their start breaks in minified bundles.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  mendWasmKernels();
  try {
    if (wasmPath !== undefined) setWasmPaths(wasmPath);
    if (await tf.setBackend('wasm')) {
      await installGemm(tf.backend(), opener.right);
      installAddMatMul(tf.backend());
      await installElements(tf.backend());
      await installConv(tf.backend());
      useNativeLinalg(linalg?.right);
      return E.right('wasm');
    }
  } catch {
    // tfjs refuses new paths after a failed start; it is reported like the failure itself.
  }
  // Otherwise tfjs would go on naming wasm as its backend.
  if (tf.findBackendFactory('wasm') !== null) tf.removeBackend('wasm');
  const hint = 'pass wasmPath; tfjs starts wasm only once in a process or page';
  return fail('backend wasm', `.wasm files under ${wasmPath ?? "tfjs's own folder"}`, 'none that load', hint);
};
