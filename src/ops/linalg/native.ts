/**
 * What a native library decomposes and multiplies instead, once one was asked for.
 */
import type { Result } from '../../problem.js';
import type { Block, Eigh, LeftBlock, Matrix, Svd } from './values.js';

/** Decompositions and products of a native library, in float64. */
export interface NativeLinalg {
  /** The thin decomposition of A, signs as the library has them; a problem where it does not converge. */
  readonly svd: (A: Matrix) => Result<Svd>;
  /** Eigenvalues and eigenvectors of A, of which the lower triangle is read; a problem where it does not converge. */
  readonly eigh: (A: Matrix) => Result<Eigh>;
  /** X [n, cols] of `A X = B` by LU with partial pivoting, the step whose pivot is zero, or nothing where it takes no such arguments. */
  readonly solve: (A: ArrayLike<number>, B: ArrayLike<number>, n: number) => Float64Array | number | undefined;
  /** `C += A B`; false where A is float32, which it does not take. */
  readonly addProduct: (m: number, k: number, n: number, a: LeftBlock, b: Block, c: Block) => boolean;
}

const chosen: { library?: NativeLinalg | undefined } = {};

/** Takes a library, or none, for all of the process. */
export const useNativeLinalg = (library: NativeLinalg | undefined): void => {
  chosen.library = library;
};

/** Multiplications below which calling a library does not pay. */
const SMALL = 2 ** 18;

/** The library that is to do a work of so many multiplications, if any. */
export const nativeFor = (multiplications: number): NativeLinalg | undefined =>
  multiplications < SMALL ? undefined : chosen.library;
