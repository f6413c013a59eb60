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

const multiplying =
  (sgemm: NativeFunction, memory: WebAssembly.Memory): Gemm =>
  ({ m, n, k }, a, b, c, adds) => {
    if (m * n === 0) return;
    const { buffer } = memory;
    const C = elements(buffer, c, m, n);
    if (k === 0) {
      if (!adds) for (let i = 0; i < m; i++) C.fill(0, i * c.stride, i * c.stride + n);
      return;
    }
    const [A, B] = [factor(buffer, a, m, k), factor(buffer, b, k, n)];
    const transA = transposition(a);
    const transB = transposition(b);
    sgemm(ROW_MAJOR, transA, transB, m, n, k, 1, A, a.stride, B, b.stride, adds ? 1 : 0, C, c.stride);
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
