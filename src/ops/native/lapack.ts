/**
 * Decompositions and products of float64 matrices by the system's OpenBLAS and the LAPACK in it.
 */
import { E } from '../../fp.js';
import { all, fail, type Result } from '../../problem.js';
import type { NativeLinalg } from '../linalg/native.js';
import type { Block, LeftBlock, Matrix, Svd } from '../linalg/values.js';
import { failed, int, requireLength } from './arguments.js';
import type { NativeFunction } from './koffi.js';
import { DGESV, diagonalising, DSYEVD, solving } from './lapack-square.js';
import { openBlas, type OpenBlas, type OpenBlasOptions } from './openblas.js';

// The last argument is the length of the text, which Fortran passes unseen.
const DGESDD = [
  'void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u, const int *ldu,',
  'double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info, size_t length)',
].join(' ');

const DGEMM = [
  'void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha, const double *a, int lda,',
  'const double *b, int ldb, double beta, double *c, int ldc)',
].join(' ');

/**
 * A = U diag(S) Vt. LAPACK's matrices lie column by column, so it is given A^T = V diag(S) U^T, whose factors then lie row by row as
 * Vt and U.
 */
const decomposing =
  (dgesdd: NativeFunction): NativeLinalg['svd'] =>
  ({ rows, cols, data }: Matrix): Result<Svd> => {
    const k = Math.min(rows, cols);
    const a = Float64Array.from(data);
    const [S, Vt, U] = [new Float64Array(k), new Float64Array(cols * k), new Float64Array(k * rows)];
    const [iwork, info] = [new Int32Array(8 * k), Int32Array.of(0)];
    requireLength('A', a, rows * cols);
    const call = (work: Float64Array, lwork: number): number => {
      const [m, n, ldvt] = [int(cols), int(rows), int(k)];
      dgesdd('S', m, n, a, m, S, Vt, m, U, ldvt, work, int(lwork), iwork, info, 1);
      return info[0] as number;
    };
    const query = new Float64Array(1);
    const asked = call(query, -1);
    if (asked !== 0) return failed('dgesdd', asked);
    const lwork = Math.ceil(query[0] as number);
    // what LAPACK's documentation asks for at least
    if (!(lwork >= 3 * k)) return fail('LAPACK dgesdd', 'the size of its workspace', String(query[0]));
    const done = call(new Float64Array(lwork), lwork);
    if (done !== 0) return failed('dgesdd', done);
    return E.right({ U: { rows, cols: k, data: U }, S, Vt: { rows: k, cols, data: Vt } });
  };

/** Rows of a block as native code sees them. */
const placed = (what: string, { x, at, row }: Block, rows: number, columns: number): Float64Array => {
  if (row < columns) throw new RangeError(`${what} for native code: rows of ${columns} entries that are ${row} apart`);
  const place = x.subarray(at);
  requireLength(what, place, (rows - 1) * row + columns);
  return place;
};

const multiplying =
  (dgemm: NativeFunction): NativeLinalg['addProduct'] =>
  (m, k, n, a: LeftBlock, b, c) => {
    const { x } = a;
    const transposed = a.row === 1 && a.step !== 1;
    if (!(x instanceof Float64Array) || !(transposed || a.step === 1)) return false;
    if (m * k * n === 0) return true;
    const stride = transposed ? a.step : a.row;
    const [rows, columns] = transposed ? [k, m] : [m, k];
    const A = placed('A', { x, at: a.at, row: stride }, rows, columns);
    const [B, C] = [placed('B', b, k, n), placed('C', c, m, n)];
    const sizes = [m, n, k, stride, b.row, c.row].map((size) => int(size)[0]);
    const [M, N, K, lda, ldb, ldc] = sizes;
    dgemm(101, transposed ? 112 : 111, 111, M, N, K, 1, A, lda, B, ldb, 1, C, ldc);
    return true;
  };

/** Makes functions that run while OpenBLAS has so many threads, where others have another number. */
const withThreads = ({ func, threads }: OpenBlas, many: number): Result<(f: NativeFunction) => NativeFunction> =>
  E.map((set: NativeFunction) => (f: NativeFunction): NativeFunction => (...args) => {
    const before = threads();
    set(many);
    try {
      return f(...args);
    } finally {
      set(before);
    }
  })(func('void openblas_set_num_threads(int)'));

const linalgOf = (blas: OpenBlas, threads: number | undefined): Result<NativeLinalg> => {
  const wrapped = threads === undefined ? E.right((f: NativeFunction) => f) : withThreads(blas, threads);
  return E.chain((wrap: (f: NativeFunction) => NativeFunction) =>
    E.map(([dgesdd, dgemm, dsyevd, dgesv]: ReadonlyArray<NativeFunction>) => ({
      svd: decomposing(wrap(dgesdd as NativeFunction)),
      eigh: diagonalising(wrap(dsyevd as NativeFunction)),
      solve: solving(wrap(dgesv as NativeFunction)),
      addProduct: multiplying(wrap(dgemm as NativeFunction)),
    }))(all([DGESDD, DGEMM, DSYEVD, DGESV].map(blas.func))),
  )(wrapped);
};

/**
 * OpenBLAS's decompositions and products, or what to install.
 *
 * @param threads how many threads these use, where other functions of the library use another number
 */
export const nativeLinalg = async (
  options: OpenBlasOptions = {},
  threads: number | undefined = options.threads,
): Promise<Result<NativeLinalg>> => E.chain((blas: OpenBlas) => linalgOf(blas, threads))(await openBlas(options));
