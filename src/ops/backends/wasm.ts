/**
 * Starts tfjs's wasm backend, with the kernels that Weft mends.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { useNativeLinalg } from '../linalg/native.js';
import { nativeLinalg } from '../native/lapack.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import type { OpenGemm } from '../kernels/gemm.js';
import { teamGemm } from '../threads/gemm.js';
import type { TeamOptions } from '../threads/start.js';
import { tf } from '../tf.js';
import { installAddMatMul } from './wasm-add-mat-mul.js';
import { installConv } from './wasm-conv.js';
import { sharedBinary } from './wasm-binary.js';
import { installElements } from './wasm-elements.js';
import { mayFuse, openerOf, openOn, useGemm, type GemmKind } from './wasm-gemm.js';
import { mendWasmKernels } from './wasm-kernels.js';
import { installTeam } from './wasm-team.js';

/** Options of the wasm backend, see `BackendOptions`. */
export interface WasmOptions {
  readonly wasmPath?: string;
  readonly gemm?: GemmKind;
  readonly native?: OpenBlasOptions;
  readonly threads?: number;
}

/** Starts tfjs's own backend, if it has not been started yet. */
const startStock = async (wasmPath: string | undefined, shares: boolean): Promise<boolean> => {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  // Threads bring nothing in tfjs 4.22 (its products run on one), and their start breaks in minified bundles.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  mendWasmKernels();
  // tfjs's own way to ask starts the backend.
  const { registry } = tf.engine();
  const binary = shares && !('wasm' in registry) ? await sharedBinary(wasmPath) : undefined;
  try {
    if (binary !== undefined) setWasmPaths(binary.paths, true);
    else if (wasmPath !== undefined) setWasmPaths(wasmPath);
    return await tf.setBackend('wasm');
  } finally {
    binary?.free();
  }
};

/** Opens what Weft computes with on the heap of tfjs's backend, where that is what is expected, and puts it to use. */
const installOurs = async (open: OpenGemm, options: TeamOptions): Promise<Result<void>> => {
  const backend = tf.backend();
  const [gemm, e] = [await openOn(backend, open), await installElements(backend, mayFuse(options.kind))];
  const team = gemm && e && (await installTeam(backend, { gemm, e }, options));
  if (team !== undefined && E.isLeft(team)) return team;
  if (gemm !== undefined)
    useGemm(backend, team !== undefined && team.right.size > 1 ? teamGemm(team.right, gemm) : gemm);
  installAddMatMul(backend);
  await installConv(backend);
  return E.right(undefined);
};

/** OpenBLAS with one thread of its own in each thread, where their number is given, unless it is told otherwise. */
const nativeOf = ({ native, threads }: WasmOptions): OpenBlasOptions | undefined =>
  threads === undefined ? native : { threads: 1, ...native };

/**
 * Makes wasm the current backend.
 *
 * @param options.wasmPath folder or URL prefix of the .wasm files; by default they are looked for beside tfjs's script, which is
 *   the installed package under Node
 */
export const startWasm = async (options: WasmOptions): Promise<Result<'wasm'>> => {
  const { wasmPath, gemm: kind = 'plain', threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    return fail('backend wasm threads', 'a whole number above 0', String(threads));
  const native = nativeOf(options);
  const opener = await openerOf(kind, native);
  if (E.isLeft(opener)) return opener;
  const linalg = kind === 'native' ? await nativeLinalg(native, options.native?.threads ?? threads) : undefined;
  if (linalg !== undefined && E.isLeft(linalg)) return linalg;
  try {
    if (await startStock(wasmPath, threads !== undefined)) {
      const ours = await installOurs(opener.right, { kind, threads: threads ?? 1, ...(native && { native }) });
      if (E.isLeft(ours)) return ours;
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
