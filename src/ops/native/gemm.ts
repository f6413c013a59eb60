/**
 * Matrix products by the system's OpenBLAS, on the heap as it lies.
 */
import { E } from '../../fp.js';
import type { Result } from '../../problem.js';
import type { Factor, Gemm, Place } from '../kernels/gemm-reference.js';
import { plainGemm, type OpenGemm } from '../kernels/gemm.js';
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

/** Visits the elements of C [m, n] from row to row; rows without gaps are visited as one. */
const overRows = ({ stride }: Place, m: number, n: number, visit: (from: number, to: number) => void): void => {
  if (stride === n) visit(0, m * n);
  else for (let from = 0; from < m * stride; from += stride) visit(from, from + n);
};

const multiplying =
  (sgemm: NativeFunction, memory: WebAssembly.Memory, own: Gemm): Gemm =>
  (sizes, a, b, c, adds, onto) => {
    const { m, n, k } = sizes;
    if (m * n === 0) return;
    // BLAS has no factor; changes that have one are of small rank, and bound by memory
    if (onto?.F !== undefined) return own(sizes, a, b, c, adds, onto);
    const { buffer } = memory;
    const C = elements(buffer, c, m, n);
    const like = (at: number): Float32Array => elements(buffer, { at, stride: c.stride }, m, n);
    // the change is BLAS's own, onto a copy of W
    const copied = onto !== undefined;
    if (copied) {
      const W = like(onto.W);
      overRows(c, m, n, (from, to) => C.set(W.subarray(from, to), from));
    }
    if (k > 0) {
      const [A, B] = [factor(buffer, a, m, k), factor(buffer, b, k, n)];
      const [alpha, beta] = [copied ? onto.s : 1, adds || copied ? 1 : 0];
      const [transA, transB] = [transposition(a), transposition(b)];
      sgemm(ROW_MAJOR, transA, transB, m, n, k, alpha, A, a.stride, B, b.stride, beta, C, c.stride);
    } else if (!adds && !copied) overRows(c, m, n, (from, to) => C.fill(0, from, to));
  };

/** OpenBLAS, or why it cannot be opened. */
export const nativeGemm = async (options: OpenBlasOptions): Promise<Result<OpenGemm>> =>
  E.map(
    (sgemm: NativeFunction): OpenGemm =>
      async (heap) =>
        multiplying(sgemm, heap.memory, await plainGemm(heap)),
  )(
    E.chain((blas: { func: (declaration: string) => Result<NativeFunction> }) => blas.func(SGEMM))(
      await openBlas(options),
    ),
  );
