/**
 * Images as matrices and back, on a memory that belongs to another module.
 */
import { wasm } from './columns-wasm.js';
import { instantiate } from './instantiate.js';

/** Between an image [channels, ...input] and the matrix [channels * kernel, rows * n] of some rows of output positions. */
type Move = (geometry: number, image: number, channels: number, start: number, rows: number, matrix: number) => void;

/** The functions of kernels/columns.ts; places are in bytes. */
export interface Columns {
  /** The matrix of an image. */
  readonly columns: Move;
  /** The adjoint: adds a matrix to an image. */
  readonly images: Move;
}

/** The functions on a memory; undefined where WebAssembly SIMD is missing. */
export const openColumns = async (memory: WebAssembly.Memory): Promise<Columns | undefined> =>
  (await instantiate(wasm, memory)) as unknown as Columns | undefined;
