/**
 * Eigenvalues of symmetric matrices and linear systems by LAPACK.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';
import type { NativeLinalg } from '../linalg/native.js';
import { transposeValues } from '../linalg/transpose.js';
import type { Eigh } from '../linalg/values.js';
import { failed, int, requireLength } from './arguments.js';
import type { NativeFunction } from './koffi.js';

// The last arguments are the lengths of the texts, which Fortran passes unseen.
export const DSYEVD = [
  'void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,',
  'const int *lwork, int *iwork, const int *liwork, int *info, size_t length1, size_t length2)',
].join(' ');

export const DGESV = [
  'void dgesv_(const int *n, const int *nrhs, double *a, const int *lda, int *ipiv, double *b, const int *ldb,',
  'int *info)',
].join(' ');

/** LAPACK's upper triangle, column by column, is the lower one row by row; and its columns of vectors are rows. */
export const diagonalising =
  (dsyevd: NativeFunction): NativeLinalg['eigh'] =>
  ({ rows: n, cols, data }): Result<Eigh> => {
    const [a, w, info] = [Float64Array.from(data), new Float64Array(n), Int32Array.of(0)];
    requireLength('A', a, n * Math.max(n, cols));
    const call = (work: Float64Array, lwork: number, iwork: Int32Array, liwork: number): number => {
      dsyevd('V', 'U', int(n), a, int(n), w, work, int(lwork), iwork, int(liwork), info, 1, 1);
      return info[0] as number;
    };
    const [query, queried] = [new Float64Array(1), new Int32Array(1)];
    const asked = call(query, -1, queried, -1);
    if (asked !== 0) return failed('dsyevd', asked);
    const [lwork, liwork] = [Math.ceil(query[0] as number), queried[0] as number];
    // what LAPACK's documentation asks for at least
    if (!(lwork >= 1 + 6 * n + 2 * n * n && liwork >= 3 + 5 * n))
      return fail('LAPACK dsyevd', 'the sizes of its workspaces', `${lwork} and ${liwork}`);
    const done = call(new Float64Array(lwork), lwork, new Int32Array(liwork), liwork);
    if (done !== 0) return failed('dsyevd', done);
    return E.right({ w, V: { rows: n, cols: n, data: transposeValues(a, n, n) } });
  };

/** LAPACK wants columns, so A and B are transposed before and X after. */
export const solving =
  (dgesv: NativeFunction): NativeLinalg['solve'] =>
  (A, B, n) => {
    const count = B.length / n;
    const [a, b] = [transposeValues(A, n, n), transposeValues(B, n, count)];
    requireLength('A', A, n * n);
    requireLength('B', b, n * count);
    const [pivots, info] = [new Int32Array(n), Int32Array.of(0)];
    dgesv(int(n), int(count), a, int(n), pivots, b, int(n), info);
    const found = info[0] as number;
    if (found < 0) return undefined;
    return found > 0 ? found - 1 : transposeValues(b, count, n);
  };
