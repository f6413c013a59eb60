/**
 * The leading singular triplets of a large matrix.
 */
import { fits } from '../kernels/linalg.js';
import type { Matrix } from './matrix.js';
import { nativeFor } from './native.js';
import { MOST_PRODUCTS, subspaceIteration, TOLERANCE } from './subspace-iteration.js';
import { gramRoom, svdGram } from './svd-gram.js';
import { leading, svd, type Svd } from './svd.js';
import type { LeadingSvd } from './values.js';

export type { LeadingSvd } from './values.js';

/** Sides up to which the whole decomposition is as quick. */
const WHOLE = 256;

/** Half of a decomposition, unless columns of U lack more of being orthonormal than is allowed, or there is no room for it. */
const ofGram = (A: Matrix, r: number): LeadingSvd | undefined => {
  if (!fits(gramRoom(A.rows, A.cols, r))) return undefined;
  const found = svdGram(A, r);
  const [first, last] = [found.S[0] as number, found.S[r - 1] as number];
  return found.residual * first <= TOLERANCE * last ? found : undefined;
};

/** The beginning of the whole decomposition. */
const ofWhole = (A: Matrix, r: number): LeadingSvd => ({ ...leading(svd(A), r), residual: 0 });

/** Products with A^T A of q columns that take as long as half of a decomposition: its operations, by theirs. */
const productsOfGram = (m: number, n: number, q: number): number => {
  const short = Math.min(m, n);
  return (m * n + 2 * short * short) * (short / (4 * m * n * q));
};

const nothing = (m: number, n: number): Svd => {
  const none = new Float64Array(0);
  return { U: { rows: m, cols: 0, data: none }, S: none, Vt: { rows: 0, cols: n, data: none } };
};

/** A matrix of whose decomposition half takes less than so many products is not iterated for. */
const FEW_PRODUCTS = 32;

/**
 * The r largest singular triplets: `A ~ U diag(S) Vt`, with A v = s u up to rounding and |A^T u - s v| at most `residual` times the
 * largest s: 1e-10, unless the matrix is too large for the Gram matrix and the spectrum flat beyond what 400 products can tell. A
 * singular value is then off by no more than that, and the subspace of all r by no more than that over the gap to value r + 1.
 *
 * Subspace iteration on at least 2 r columns with Chebyshev's filters, in float64, from random columns of a fixed seed. Where that takes
 * longer than the eigenvectors of the Gram matrix do, those; or, where they would make columns of U that are not orthogonal to 1e-10, more
 * iterations, and for a sixth of the triplets or more the whole decomposition. Each left vector's entry of largest magnitude is positive.
 *
 * @param A [m, n]
 * @param r number of triplets, at most min(m, n)
 */
export const svdLeading = (A: Matrix, r: number): LeadingSvd => {
  const [m, n] = [A.rows, A.cols];
  const short = Math.min(m, n);
  if (!(r >= 0 && r <= short)) throw new RangeError(`${r} singular triplets of a matrix [${m}, ${n}]`);
  if (r === 0) return { ...nothing(m, n), residual: 0 };
  const q = r + Math.max(24, r);
  const many = 3 * q > short;
  const native = nativeFor(m * n * short) !== undefined;
  if (short <= WHOLE || !A.data.every(Number.isFinite) || (many && native)) return ofWhole(A, r);
  const enough = productsOfGram(m, n, q);
  if (many || enough <= FEW_PRODUCTS)
    return ofGram(A, r) ?? (many ? ofWhole(A, r) : subspaceIteration(A, r, q, MOST_PRODUCTS));
  const most = native ? MOST_PRODUCTS : Math.min(MOST_PRODUCTS, enough);
  const found = subspaceIteration(A, r, q, most);
  if (found.residual <= TOLERANCE || most === MOST_PRODUCTS) return found;
  return ofGram(A, r) ?? subspaceIteration(A, r, q, MOST_PRODUCTS);
};
