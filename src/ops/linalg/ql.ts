/**
 * Implicit QL steps: eigenvalues of small tridiagonal matrices.
 */
import { rotate } from './vectors.js';

/** `T = Z^T diag(d) Z`: at first T's diagonal `d` [n], `e[i]` between i and i + 1, and Z = I, its rows one after another. */
export interface Small {
  readonly d: Float64Array;
  readonly e: Float64Array;
  readonly Z: Float64Array;
}

/** What counts as zero beside entries near 1: its square and that of its inverse are numbers still. */
export const TINY = 1e-100;

/** Steps allowed for one eigenvalue; two are usual. */
const MAX_STEPS = 60;

/** The first m >= l at which the matrix splits: the entry between m and m + 1 is negligible. */
const splitAt = (d: Float64Array, e: Float64Array, l: number): number => {
  let m = l;
  for (; m < d.length - 1; m++) {
    const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
    if (!(Math.abs(e[m] as number) > Math.max(TINY, Number.EPSILON * size))) break;
  }
  return m;
};

/** One implicit QL step with Wilkinson's shift on the block from l to m. */
const qlStep = ({ d, e, Z }: Small, l: number, m: number): void => {
  const n = d.length;
  const at = (x: Float64Array, i: number): number => x[i] as number;
  const slope = (at(d, l + 1) - at(d, l)) / (2 * at(e, l));
  const root = Math.sqrt(slope * slope + 1);
  let g = at(d, m) - at(d, l) + at(e, l) / (slope + (slope < 0 ? -root : root));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * at(e, i), c * at(e, i)];
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // The block splits here; the next step finds it.
      d[i + 1] = at(d, i + 1) - p;
      e[m] = 0;
      return;
    }
    [s, c] = [f / r, g / r];
    const h = at(d, i + 1) - p;
    const t = (at(d, i) - h) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = h + p;
    g = c * t - b;
    rotate(Z, i * n, (i + 1) * n, c, s, n);
  }
  d[l] = at(d, l) - p;
  e[l] = g;
  e[m] = 0;
};

/** Diagonalises in place: afterwards `d` holds eigenvalues in no order and row i of Z an eigenvector of T for the i-th. */
export const diagonaliseSmall = (t: Small): void => {
  for (let l = 0; l < t.d.length; l++) {
    for (let k = 0; k < MAX_STEPS; k++) {
      const m = splitAt(t.d, t.e, l);
      if (m === l) break;
      qlStep(t, l, m);
    }
  }
};
