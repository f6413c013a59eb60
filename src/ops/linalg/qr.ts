/**
 * QR factorisation.
 */
import { numbers, withRoom } from '../kernels/linalg.js';
import { columnsOfQ, factor, reflectorsRoom } from './householder.js';
import { transposeInto, transposeValues, type Matrix } from './matrix.js';

/** `A = Q R`: Q [m, k] with orthonormal columns, R [k, n] upper triangular, k = min(m, n). */
export interface Qr {
  readonly Q: Matrix;
  readonly R: Matrix;
}

/**
 * The thin QR factorisation by Householder reflections, in float64: `A = Q R`.
 *
 * Signs are LAPACK's, as of `torch.linalg.qr`: R_kk = -sign(a) |a| where the column that is reflected has more than one
 * entry left, so R's diagonal may be negative. Columns that depend on earlier ones give R_kk near 0 and an arbitrary
 * orthonormal column of Q.
 *
 * @param A [m, n], any sizes
 */
export const qr = ({ rows: m, cols: n, data }: Matrix): Qr => {
  const k = Math.min(m, n);
  return withRoom(m * n + k * m + reflectorsRoom(m, Math.max(n, k)), () => {
    const f = factor(transposeInto(numbers(m * n), data, m, n), m, n);
    const R = new Float64Array(k * n);
    for (let i = 0; i < k; i++) for (let j = i; j < n; j++) R[i * n + j] = f.columns[j * m + i] as number;
    return {
      Q: { rows: m, cols: k, data: transposeValues(columnsOfQ(f, 0, k), k, m) },
      R: { rows: k, cols: n, data: R },
    };
  });
};
