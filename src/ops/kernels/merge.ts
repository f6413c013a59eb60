/**
 * The fused low-rank merge: W + s B A for a block of rows in one pass over its bytes.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import { largestFiniteBits } from '../dtype/overflow.js';
import { instantiate } from './instantiate.js';
import { mergeRowsReference, settleRows, type LowRankMerge, type MergedRows } from './merge-reference.js';
import { relaxedWasm, wasm } from './merge-wasm.js';
import { relaxed } from './relaxed.js';

/** A matrix whose factors are packed, so that blocks of its rows can be merged. */
export interface RowMerge {
  /** Two places for blocks, where they need not be copied before they are merged. */
  readonly buffers: readonly [Uint8Array, Uint8Array];
  /**
   * Merges the rows from `start` on whose bytes these are. The result lies in one of two places, and is good until another one is put there.
   */
  readonly merge: (start: number, bytes: Uint8Array, place: 0 | 1) => MergedRows;
}

/**
 * Prepares a matrix for merging in blocks of at most `blockBytes`; the matrix before it is done with then, and its buffers too.
 *
 * Throws where the factors do not fit (`fitsKernel`).
 */
export type RowMerger = (matrix: LowRankMerge, blockBytes: number) => RowMerge;

/** The functions of kernels/merge.ts. */
interface MergeExports {
  readonly memory: WebAssembly.Memory;
  readonly heapBase: () => number;
  readonly merge: (
    kind: number,
    from: number,
    to: number,
    start: number,
    rows: number,
    columns: number,
    factors: number,
  ) => number;
  readonly packA: (kind: number, from: number, rank: number, columns: number, to: number, step: number) => void;
  readonly packB: (from: number, rows: number, rank: number, to: number, step: number) => void;
}

const PAGE = 65_536;

/** Above this much memory a matrix is left to others; 32 bit addresses end at four times that. */
const MOST_BYTES = 2 ** 30;

const kinds = { BF16: 0, F16: 1, F32: 2 } as const;

/** Places one after the other, each at a multiple of 16. */
const placesFrom = (base: number, lengths: ReadonlyArray<number>): ReadonlyArray<number> =>
  lengths.reduce((at, length) => [...at, Math.ceil(((at.at(-1) as number) + length) / 16) * 16], [base]);

/** Bytes of the list of terms before the first one, and of one. */
const HEAD = 16;
const TERM = 16 + 128;

/** The sum of the terms' ranks, and the bytes of a panel of A, which has 8 columns, and of B, which has 4 rows. */
const panelsOf = ({ rows, columns, terms }: LowRankMerge) => {
  const rank = terms.reduce((sum, t) => sum + t.rank, 0);
  const [stepA, stepB] = [32 * rank, 16 * rank];
  return { rank, stepA, stepB, A: Math.ceil(columns / 8) * stepA, B: Math.ceil(rows / 4) * stepB };
};

/**
 * Bytes of what lies in the kernel's memory: two blocks before and two after merging, the panels, the list of terms, a factor before
 * it is packed.
 */
const lengthsOf = (matrix: LowRankMerge, blockBytes: number): ReadonlyArray<number> => {
  const { A, B } = panelsOf(matrix);
  const { rows, columns, terms } = matrix;
  const factor = 4 * Math.max(rows, columns) * Math.max(0, ...terms.map((t) => t.rank));
  return [blockBytes, blockBytes, blockBytes, blockBytes, A, B, HEAD + TERM * terms.length, factor];
};

/** Whether a matrix's factors and blocks fit into the kernel's memory. */
export const fitsKernel = (matrix: LowRankMerge, blockBytes: number): boolean =>
  lengthsOf(matrix, blockBytes).reduce((sum, length) => sum + length + 16, PAGE) <= MOST_BYTES;

const wasmMerger =
  ({ memory, heapBase, merge, packA, packB }: MergeExports): RowMerger =>
  (matrix, blockBytes) => {
    const { dtype, rows, columns, terms } = matrix;
    if (terms.length === 0) return referenceMerger(matrix, blockBytes);
    if (!fitsKernel(matrix, blockBytes)) throw new RangeError('factors that do not fit the kernel');
    const places = placesFrom(Math.ceil(heapBase() / 16) * 16, lengthsOf(matrix, blockBytes));
    const [in0 = 0, in1 = 0, out0 = 0, out1 = 0, A = 0, B = 0, factors = 0, raw = 0, end = 0] = places;
    const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    const { buffer } = memory;
    const kind = kinds[dtype];
    const { rank: ranks, stepA, stepB } = panelsOf(matrix);
    const words = new DataView(buffer, factors, HEAD + TERM * terms.length);
    [A, B, ranks, terms.length].forEach((word, i) => words.setUint32(4 * i, word, true));
    let before = 0;
    terms.forEach((term, i) => {
      words.setUint32(HEAD + TERM * i, term.rank, true);
      words.setFloat32(HEAD + TERM * i + 4, term.s, true);
      new Float32Array(buffer, raw, term.A.length).set(term.A);
      packA(kind, raw, term.rank, columns, A + 32 * before, stepA);
      new Float32Array(buffer, raw, term.B.length).set(term.B);
      packB(raw, rows, term.rank, B + 16 * before, stepB);
      before += term.rank;
    });
    const most = largestFiniteBits(dtype);
    const rowBytes = columns * (dtype === 'F32' ? 4 : 2);
    return {
      buffers: [new Uint8Array(buffer, in0, blockBytes), new Uint8Array(buffer, in1, blockBytes)],
      merge: (start, bytes, place) => {
        const to = place === 0 ? out0 : out1;
        const merged = new Uint8Array(buffer, to, bytes.length);
        const inside = bytes.buffer === buffer;
        if (!inside) merged.set(bytes);
        const from = inside ? bytes.byteOffset : to;
        const count = rowBytes === 0 ? 0 : bytes.length / rowBytes;
        const largest = merge(kind, from, to, start, count, columns, factors);
        // Infinity, NaN and overflow are rare, and done with care elsewhere.
        return largest > most ? settleRows(matrix, start, bytes, merged) : { bytes: merged, overflow: -1 };
      },
    };
  };

/** The merger in TypeScript; the results are the same bit for bit. */
export const referenceMerger: RowMerger = (matrix, blockBytes) => ({
  buffers: [new Uint8Array(blockBytes), new Uint8Array(blockBytes)],
  merge: (start, bytes) => mergeRowsReference(matrix, start, bytes),
});

/** Makes a merger with a memory of its own that grows as needed. */
export type OpenRowMerger = () => Promise<RowMerger>;

const opening =
  (base64: string): OpenRowMerger =>
  async () => {
    const exports = await instantiate(base64);
    return exports === undefined ? referenceMerger : wasmMerger(exports as unknown as MergeExports);
  };

/** The plain merger, with the same bits everywhere; in TypeScript where WebAssembly SIMD is missing. */
export const openRowMerger: OpenRowMerger = opening(wasm);

/** What opens mergers: the plain ones, or those with fused multiply-adds, whose last bits depend on the machine; a problem where the engine has none. */
export const rowMergers = async (fma: boolean): Promise<Result<OpenRowMerger>> =>
  fma ? E.map(opening)(await relaxed(relaxedWasm, 'merge with fused multiply-adds')) : E.right(openRowMerger);
