/**
 * What a thread computes with, on a heap that is there.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import { mayFuse, openerOf, type GemmKind } from '../backends/wasm-gemm.js';
import { openElements } from '../kernels/elements.js';
import type { GemmHeap } from '../kernels/gemm.js';
import type { OpenBlasOptions } from '../native/openblas.js';
import type { Tools } from './calls.js';

/** Opens products of a kind, and functions of elements. */
export const openTools = async (
  heap: GemmHeap,
  kind: GemmKind,
  native: OpenBlasOptions | undefined,
): Promise<Result<Tools>> => {
  const open = await openerOf(kind, native);
  if (E.isLeft(open)) return open;
  const [gemm, e] = [await open.right(heap), await openElements(heap.memory, mayFuse(kind))];
  return e === undefined
    ? fail('backend wasm', 'an engine with SIMD instructions', 'one without')
    : E.right({ gemm, e });
};
