/**
 * Leading singular triplets from the eigenvectors of the Gram matrix.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { eigenvectors, eigenvectorsRoom } from './eigh.js';
import { transposed, transposeInto, transposeValues, type Matrix } from './matrix.js';
import { addLowerProduct, addProduct } from './product.js';
import { withSigns } from './svd.js';
import type { LeadingSvd } from './values.js';
import { binaryScale, dot, norm, scaleBy } from './vectors.js';

/** Numbers that `svdGram` takes room for. */
export const gramRoom = (m: number, n: number, r: number): number => {
  const [long, short] = [Math.max(m, n), Math.min(m, n)];
  return long * short + short * short + 2 * (long + short) * r + eigenvectorsRoom(short, r);
};

/** Triplets of a matrix that is not wide. */
const tall = ({ rows: m, cols: n, data }: Matrix, r: number): LeadingSvd =>
  withRoom(gramRoom(m, n, r), () => {
    const [x, gram, scale] = [numbers(m * n), numbers(n * n), binaryScale(data)];
    x.set(data);
    scaleBy(x, 0, 1 / scale, x.length);
    const across = { x, at: 0, row: 1, step: n };
    addLowerProduct(n, m, across, { x, at: 0, row: n }, { x: gram, at: 0, row: n });
    const v = numbers(r * n);
    withRoom(0, () => {
      const { vectors } = eigenvectors(gram, n, r);
      for (let j = 0; j < r; j++) v.set(vectors.subarray((r - 1 - j) * n, (r - j) * n), j * n);
    });
    const [V, Y, Z] = [transposeInto(numbers(n * r), v, r, n), numbers(m * r), gram.fill(0, 0, n * r)];
    addProduct(m, n, r, { x, at: 0, row: n, step: 1 }, { x: V, at: 0, row: r }, { x: Y, at: 0, row: r });
    const u = transposeInto(numbers(r * m), Y, m, r);
    const S = Float64Array.from({ length: r }, (_, j) => norm(u, j * m, m));
    S.forEach((s, j) => scaleBy(u, j * m, 1 / s, m));
    transposeInto(Y, u, r, m);
    addProduct(n, m, r, across, { x: Y, at: 0, row: r }, { x: Z, at: 0, row: r });
    // A^T u - s v, column by column
    const off = transposeValues(Z.subarray(0, n * r), n, r);
    S.forEach((s, j) => {
      for (let i = 0; i < n; i++) off[j * n + i] = (off[j * n + i] as number) - s * (v[j * n + i] as number);
    });
    const squares = S.map((_, j) => dot(off, j * n, off, j * n, n));
    const U = { rows: m, cols: r, data: Y.slice() };
    const largest = Math.sqrt(squares.reduce((a, b) => Math.max(a, b), 0));
    return {
      U,
      S: S.map((s) => s * scale),
      Vt: { rows: r, cols: n, data: v.slice() },
      residual: largest / (S[0] as number),
    };
  });

/**
 * The r largest singular triplets from half of a decomposition: V are the leading eigenvectors of A^T A, and U the columns of A V at
 * length 1 (of A^T and the other way round where A is wide).
 *
 * Squaring loses accuracy where s_r is small: |A^T u - s v| is at most `residual` times the largest s, near 1e-16 s_1 / s_r, and the
 * columns of U are orthogonal up to that times s_1 / s_r; V and A v = s u are as good as rounding allows. NaN where an s is 0.
 *
 * @param A [m, n], all entries finite
 * @param r number of triplets, from 1 to min(m, n)
 */
export const svdGram = (A: Matrix, r: number): LeadingSvd => {
  const wide = A.rows < A.cols;
  const { residual, ...triplets } = tall(wide ? transposed(A) : A, r);
  const { U, S, Vt } = triplets;
  return { ...withSigns(wide ? { U: transposed(Vt), S, Vt: transposed(U) } : triplets), residual };
};
