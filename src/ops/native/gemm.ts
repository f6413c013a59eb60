/**
 * Matrix products by the system's OpenBLAS, on the heap as it lies.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { Factor, Gemm, Place } from '../kernels/gemm-reference.js';
import type { OpenGemm } from '../kernels/gemm.js';
import type { NativeFunction } from './koffi.js';
import { openBlas, type OpenBlasOptions } from './openblas.js';

const SGEMM = [
  'void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,',
  'const float *b, int ldb, float beta, float *c, int ldc)',
].join(' ');

/** A matrix row by row. */
type Rows = ReadonlyArray<Float32Array>;

const ROW_MAJOR = 101;
const AS_IT_LIES = 111;
const TRANSPOSED = 112;

/**
 * The elements of a matrix; rows lie `stride` apart.
 *
 * @throws RangeError where they are not in the memory, or rows overlap: native code would read on
 */
const elements = (buffer: ArrayBufferLike, { at, stride }: Place, rows: number, columns: number): Float32Array => {
  if (stride < columns) throw new RangeError(`rows of ${columns} elements that are ${stride} apart`);
  return new Float32Array(buffer, at, (rows - 1) * stride + columns);
};

const factor = (buffer: ArrayBufferLike, x: Factor, rows: number, columns: number): Float32Array =>
  x.transposed ? elements(buffer, x, columns, rows) : elements(buffer, x, rows, columns);

const transposition = (x: Factor): number => (x.transposed ? TRANSPOSED : AS_IT_LIES);

const rowsOf = (X: Float32Array, { stride }: Place, m: number, n: number): Rows =>
  Array.from({ length: m }, (_, i) => X.subarray(i * stride, i * stride + n));

/** C = W + s F * C. */
const change = (C: Rows, W: Rows, F: Rows, s: number): void =>
  C.forEach((row, i) => {
    const [w, f] = [W[i], F[i]] as [Float32Array, Float32Array];
    for (let j = 0; j < row.length; j++) row[j] = (w[j] as number) + s * (f[j] as number) * (row[j] as number);
  });

const multiplying =
  (sgemm: NativeFunction, memory: WebAssembly.Memory): Gemm =>
  ({ m, n, k }, a, b, c, adds, onto) => {
    if (m * n === 0) return;
    const { buffer } = memory;
    const C = elements(buffer, c, m, n);
    const rowsAt = (at: number): Rows => rowsOf(elements(buffer, { ...c, at }, m, n), c, m, n);
    const rows = rowsOf(C, c, m, n);
    // without F, the change is BLAS's own, onto a copy of W
    const copied = onto !== undefined && onto.F === undefined;
    if (copied) rowsAt(onto.W).forEach((row, i) => rows[i]?.set(row));
    if (k > 0) {
      const [A, B] = [factor(buffer, a, m, k), factor(buffer, b, k, n)];
      const [alpha, beta] = [copied ? onto.s : 1, adds || copied ? 1 : 0];
      const [transA, transB] = [transposition(a), transposition(b)];
      sgemm(ROW_MAJOR, transA, transB, m, n, k, alpha, A, a.stride, B, b.stride, beta, C, c.stride);
    } else if (!adds && !copied) rows.forEach((row) => row.fill(0));
    if (onto?.F !== undefined) change(rows, rowsAt(onto.W), rowsAt(onto.F), onto.s);
  };

/** OpenBLAS, or why it cannot be opened. */
export const nativeGemm = async (options: OpenBlasOptions): Promise<Result<OpenGemm>> =>
  E.map(
    (sgemm: NativeFunction): OpenGemm =>
      (heap) =>
        Promise.resolve(multiplying(sgemm, heap.memory)),
  )(
    E.chain((blas: { func: (declaration: string) => Result<NativeFunction> }) => blas.func(SGEMM))(
      await openBlas(options),
    ),
  );
