/**
 * Matrix products on a memory that belongs to another module: the plain kernel, and the one with fused multiply-adds.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import { referenceGemm, type Gemm } from './gemm-reference.js';
import { relaxedWasm, wasm } from './gemm-wasm.js';
import { instantiate } from './instantiate.js';
import { relaxed } from './relaxed.js';

/** A heap to multiply in. */
export interface GemmHeap {
  readonly memory: WebAssembly.Memory;
  /** Takes bytes from the heap for good and gives their place; the memory may grow by it. */
  readonly allocate: (bytes: number) => number;
}

/** Opens the products of a heap. */
export type OpenGemm = (heap: GemmHeap) => Promise<Gemm>;

/** A product as numbers: two truth values, three sizes, the places of three matrices with their strides, and whether C is added to. */
export type ProductNumbers = readonly [
  transposeA: number,
  transposeB: number,
  m: number,
  n: number,
  k: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  c: number,
  ldc: number,
  accumulate: number,
];

/** The functions of kernels/gemm.ts. */
interface GemmExports {
  readonly workspaceBytes: () => number;
  readonly gemm: (...args: [...ProductNumbers, workspace: number, onto: number, factor: number, s: number]) => void;
}

const opening =
  (base64: string): OpenGemm =>
  async (heap) => {
    const exports = await instantiate(base64, heap.memory);
    if (exports === undefined) return referenceGemm(heap.memory);
    const { workspaceBytes, gemm } = exports as unknown as GemmExports;
    const workspace = heap.allocate(workspaceBytes());
    return ({ m, n, k }, a, b, c, adds, change) =>
      gemm(
        Number(a.transposed),
        Number(b.transposed),
        m,
        n,
        k,
        a.at,
        a.stride,
        b.at,
        b.stride,
        c.at,
        c.stride,
        Number(adds),
        workspace,
        change?.W ?? 0,
        change?.F ?? 0,
        change?.s ?? 1,
      );
  };

/** The plain kernel, with the same bits everywhere; in TypeScript where WebAssembly SIMD is missing. */
export const plainGemm: OpenGemm = opening(wasm);

/** The kernel with fused multiply-adds, whose last bits depend on the machine; a problem where the engine has none. */
export const fusedGemm = async (): Promise<Result<OpenGemm>> => E.map(opening)(await relaxed(relaxedWasm, 'gemm fma'));
