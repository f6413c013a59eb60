/**
 * What multiplies matrices on tfjs's wasm backend: a kernel of our own, or the system's OpenBLAS.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { Gemm } from '../kernels/gemm-reference.js';
import { fusedGemm, plainGemm, type OpenGemm } from '../kernels/gemm.js';
import { nativeGemm } from '../native/gemm.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import { heapOf, memoryOf } from './wasm-heap.js';

/**
 * `plain`: the same bits on every machine. `fma`: fused multiply-adds, about a third faster, with last bits that depend on the
 * machine. `native`: the system's OpenBLAS through koffi. Functions of elements fuse multiply-adds with both.
 */
export type GemmKind = 'plain' | 'fma' | 'native';

/** Whether functions of elements may fuse multiply-adds beside products of a kind. */
export const mayFuse = (kind: GemmKind): boolean => kind !== 'plain';

/** What opens the products of a kind, or what it lacks here. */
export const openerOf = async (kind: GemmKind, native: OpenBlasOptions = {}): Promise<Result<OpenGemm>> => {
  switch (kind) {
    case 'plain':
      return E.right(plainGemm);
    case 'fma':
      return fusedGemm();
    case 'native':
      return nativeGemm(native);
  }
};

const installed = new WeakMap<object, Gemm>();

/** The products of a backend; undefined where it has none of ours. */
export const gemmOf = (backend: object): Gemm | undefined => installed.get(backend);

/** Makes these the products of a backend. */
export const useGemm = (backend: object, gemm: Gemm): void => void installed.set(backend, gemm);

/** Workspaces by what opened them: a backend that is started again takes no new one. */
const opened = new WeakMap<object, Map<OpenGemm, Gemm>>();

/** Opens products on a backend's heap. Where tfjs's internals are not those of 4.22, says so and leaves tfjs's own. */
export const openOn = async (backend: object, open: OpenGemm): Promise<Gemm | undefined> => {
  const heap = memoryOf(backend);
  if (heap === undefined || heapOf(backend) === undefined) {
    // No value of the caller carries it, and what follows is right, only slow.
    // oxlint-disable-next-line no-console
    console.warn('Weft: this is not the wasm backend of tfjs 4.22; its own matrix products are used, which are slow');
    return undefined;
  }
  const known = opened.get(backend) ?? new Map<OpenGemm, Gemm>();
  const gemm = known.get(open) ?? (await open(heap));
  opened.set(backend, known.set(open, gemm));
  return gemm;
};
