/**
 * Daubechies' wavelets from their definition: the shortest orthogonal filters with N vanishing moments.
 *
 * |H(z)|^2 = 2 cos^2N(w / 2) P(sin^2(w / 2)), P(y) = sum_{k < N} C(N - 1 + k, k) y^k. Each root y of P stands for a pair z, 1 / z with
 * y = (2 - z - 1 / z) / 4, and H takes one of the two: always the inner one for the extremal phase ("db"), a mixture
 * for the least asymmetric filters ("sym").
 *
 * Source: Daubechies, "Orthonormal bases of compactly supported wavelets" (1988), and "Ten Lectures on Wavelets" (1992), 6.4 and 8.1.
 */
import {
  add,
  divide,
  fixed,
  fromFloats,
  isBelow,
  multiply,
  realPart,
  squareRoot,
  squaredLength,
  subtract,
  type Fixed,
} from './complex-fixed.js';

const ONE = fixed(1);
const ZERO = fixed(0);

/** Coefficients C(N - 1 + k, k) of P, k = 0 ... N - 1. */
const coefficients = (N: number): ReadonlyArray<bigint> => {
  const c = [1n];
  for (let k = 1; k < N; k++) c.push(((c[k - 1] as bigint) * BigInt(N - 1 + k)) / BigInt(k));
  return c;
};

/** A polynomial and its derivative at x. */
const evaluate = (c: ReadonlyArray<Fixed>, x: Fixed): readonly [value: Fixed, slope: Fixed] => {
  let [value, slope]: [Fixed, Fixed] = [ZERO, ZERO];
  for (let k = c.length - 1; k >= 0; k--) {
    slope = add(multiply(slope, x), value);
    value = add(multiply(value, x), c[k] as Fixed);
  }
  return [value, slope];
};

/** More steps than any polynomial here needs. */
const MOST_STEPS = 200;

/** All roots at once (Aberth and Ehrlich): Newton's step, with the other roots pushing each one away. */
const rootsOf = (c: ReadonlyArray<Fixed>): ReadonlyArray<Fixed> => {
  const n = c.length - 1;
  // off the real axis, or conjugate starts would stay conjugate where roots are real
  const roots = Array.from({ length: n }, (_, i) => {
    const angle = (2 * Math.PI * i) / n + 0.4;
    return fromFloats(0.4 * Math.cos(angle), 0.4 * Math.sin(angle));
  });
  for (let k = 0; k < MOST_STEPS; k++) {
    let settled = true;
    for (let i = 0; i < n; i++) {
      const x = roots[i] as Fixed;
      const [value, slope] = evaluate(c, x);
      const newton = divide(value, slope);
      const push = roots.reduce((sum, y, j) => (j === i ? sum : add(sum, divide(ONE, subtract(x, y)))), ZERO);
      const stride = divide(newton, subtract(ONE, multiply(newton, push)));
      roots[i] = subtract(x, stride);
      settled = settled && isBelow(stride, 200);
    }
    if (settled) return roots;
  }
  throw new RangeError('the roots of a wavelet polynomial did not settle');
};

/** The solution z of y = (2 - z - 1 / z) / 4 inside the unit circle; the other one is 1 / z. */
const innerRoot = (y: Fixed): Fixed => {
  const w = subtract(ONE, add(y, y));
  const s = squareRoot(subtract(multiply(w, w), ONE));
  const [a, b] = [add(w, s), subtract(w, s)];
  return squaredLength(a) < squaredLength(b) ? a : b;
};

/** p(z) (z - root), coefficients from the highest power down. */
const withRoot = (p: ReadonlyArray<Fixed>, root: Fixed): ReadonlyArray<Fixed> =>
  [...p, ZERO].map((x, i) => (i === 0 ? x : subtract(x, multiply(root, p[i - 1] as Fixed))));

/**
 * The scaling filter with N vanishing moments, 2 N taps that sum to sqrt(2), exact to float64.
 *
 * @param N from 1 on; 1 is Haar's
 * @param outer bit i: take the outer root of the i-th pair, pairs sorted by the real part of y; complex pairs count once
 */
export const daubechies = (N: number, outer = 0): Float64Array => {
  const roots = N === 1 ? [] : rootsOf(coefficients(N).map((c) => fixed(c)));
  const upper = roots
    .filter(({ im }) => im > 0n || isBelow({ re: 0n, im }, 150))
    .toSorted((a, b) => (a.re < b.re ? -1 : 1));
  const chosen = upper.flatMap((y, i) => {
    const z = innerRoot(y);
    const root = (outer >> i) % 2 === 1 ? divide(ONE, z) : z;
    return isBelow({ re: 0n, im: y.im }, 150) ? [root] : [root, { re: root.re, im: -root.im }];
  });
  const minusOnes = Array.from({ length: N }, () => fixed(-1));
  const taps = [...chosen, ...minusOnes].reduce(withRoot, [ONE]).map(realPart);
  const sum = taps.reduce((a, b) => a + b, 0);
  return Float64Array.from(taps, (h) => (h * Math.SQRT2) / sum);
};

/** For each N from 2 to 20, the outer roots that make the filter least asymmetric. */
const symletRoots: ReadonlyArray<number> = [0, 0, 2, 1, 5, 1, 10, 6, 21, 6, 21, 28, 44, 28, 89, 142, 333, 116, 357];

/** The least asymmetric filter with N vanishing moments, N from 2 to 20. */
export const symlet = (N: number): Float64Array => daubechies(N, symletRoots[N - 2]);
