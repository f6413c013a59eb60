/**
 * Cholesky factorisation.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { Matrix } from './matrix.js';
import { dot } from './vectors.js';

/**
 * The Cholesky factor of a symmetric positive definite matrix in float64: `A = L L^T`, L lower triangular with a positive
 * diagonal.
 *
 * @param A [n, n]; only its lower triangle is read
 * @returns L, or a problem when a leading block is not positive definite (or not a number)
 * @throws when A is not square
 */
export const cholesky = ({ rows: n, cols, data }: Matrix): Result<Matrix> => {
  if (n !== cols) throw new RangeError(`Cholesky factor of a matrix [${n}, ${cols}] that is not square`);
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      L[i * n + j] = ((data[i * n + j] as number) - dot(L, i * n, L, j * n, j)) / (L[j * n + j] as number);
    }
    const rest = (data[i * n + i] as number) - dot(L, i * n, L, i * n, i);
    if (!(rest > 0)) {
      return fail('cholesky', 'a positive definite matrix', `${rest} left on the diagonal at step ${i}`);
    }
    L[i * n + i] = Math.sqrt(rest);
  }
  return E.right({ rows: n, cols: n, data: L });
};
