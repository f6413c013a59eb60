/**
 * Inverse Fourier transforms of sparse spectra on the host: rows that are sums of a few waves, transformed two at a time.
 */
import { withRoom } from '../kernels/linalg.js';
import { turnOf } from './fft-passes.js';
import { fftRoom, inverseFft } from './fft.js';

/** Where a spectrum is not zero: entry k at row `rows[k]` and column `cols[k]`; positions may repeat and add up. */
export interface SpectrumPositions {
  readonly rows: Int32Array;
  readonly cols: Int32Array;
}

/**
 * `y[p, q] = 1 / (m n) sum_k c_k cos(2 pi (u_k p / m + v_k q / n))` in float64, rounded once.
 *
 * Row p has the spectrum G[v] = sum over v_k = v of c_k e^(2 pi i u_k p / m), of which the Hermitian part H[v] = (G[v] + conj G[-v]) / 2
 * is that of the real part. Rows p and p + 1 are the real and the imaginary part of one transform, of H_p + i H_(p+1); and
 * y[-p, -q] = y[p, q] gives the other half of the rows.
 *
 * @param c one number a position
 * @param positions u_k in [0, m), v_k in [0, n)
 * @returns [m, n], row-major
 * @throws RangeError where n has a prime factor above 64
 */
export const sparseInverseDft = (
  c: Float32Array,
  { rows, cols }: SpectrumPositions,
  m: number,
  n: number,
): Float32Array =>
  withRoom(fftRoom(n), () => {
    const transform = inverseFft(n);
    const turn = turnOf(m);
    const weights = Float64Array.from(c, (x) => x / (2 * m * n));
    const re = new Float64Array(n);
    const im = new Float64Array(n);
    const y = new Float32Array(m * n);
    const last = Math.floor(m / 2);
    /** Row p and row -p, whose columns run the other way. */
    const put = (p: number, values: Float64Array): void => {
      y.set(values, p * n);
      if (p === 0 || 2 * p === m) return;
      const mirrored = (m - p) * n;
      y[mirrored] = values[0] as number;
      for (let q = 1; q < n; q++) y[mirrored + q] = values[n - q] as number;
    };
    for (let p = 0; p <= last; p += 2) {
      re.fill(0);
      im.fill(0);
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k] as number;
        const u = rows[k] as number;
        const v = cols[k] as number;
        const opposite = v === 0 ? 0 : n - v;
        const first = (u * p) % m;
        const second = (u * (p + 1)) % m;
        const a = weight * (turn.re[first] as number);
        const b = weight * (turn.im[first] as number);
        const d = weight * (turn.re[second] as number);
        const e = weight * (turn.im[second] as number);
        re[v] = (re[v] as number) + a - e;
        im[v] = (im[v] as number) + b + d;
        re[opposite] = (re[opposite] as number) + a + e;
        im[opposite] = (im[opposite] as number) + d - b;
      }
      const z = transform({ re, im });
      put(p, z.re);
      if (p + 1 <= last) put(p + 1, z.im);
    }
    return y;
  });
