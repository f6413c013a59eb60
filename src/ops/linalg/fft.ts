/**
 * Fourier transforms of one row on the host, in float64, for lengths whose prime factors are small.
 *
 * Stockham's autosort algorithm (Cochran et al., 1967): each factor r of the length is one pass of r-point transforms, and no
 * order has to be put right before or after.
 */
import { passOf, turnOf, type ComplexRow } from './fft-passes.js';

/** Above this prime factor a pass, which takes about r operations an element, is no gain over a product. */
const LARGEST_RADIX = 64;

/** The factors of n, with fours for pairs of twos; undefined where one is too large. */
export const radicesOf = (n: number): ReadonlyArray<number> | undefined => {
  const radices: number[] = [];
  let rest = n;
  for (const r of [4, 2]) for (; rest % r === 0; rest /= r) radices.push(r);
  for (let r = 3; r <= LARGEST_RADIX; r += 2) for (; rest % r === 0; rest /= r) radices.push(r);
  return rest === 1 ? radices : undefined;
};

/**
 * The transform of rows of n elements: `z[q] = sum_v Z[v] e^(2 pi i v q / n)`, not divided by n.
 *
 * Within `withRoom` the kernel has a part in passes of more than 9 points (see `fftRoom`), and then the function must not leave it.
 *
 * @returns a function that gives the transform of a row, which it overwrites; the result is good until its next call
 * @throws RangeError where a prime factor of n is above 64 (see `radicesOf`)
 */
export const inverseFft = (n: number): ((row: ComplexRow) => ComplexRow) => {
  const radices = radicesOf(n);
  if (radices === undefined)
    throw new RangeError(`a transform of ${n} elements: a prime factor above ${LARGEST_RADIX}`);
  const w = turnOf(n);
  const passes = radices.map((r) => [r, passOf(r, n)] as const);
  const spare = { re: new Float64Array(n), im: new Float64Array(n) };
  return (row) => {
    let from: ComplexRow = row;
    let to: ComplexRow = spare;
    let stride = 1;
    for (const [r, pass] of passes) {
      pass(from, to, w, stride, n / stride);
      [from, to] = [to, from];
      stride *= r;
    }
    return from;
  };
};

/** Numbers that `inverseFft` takes room for, with up to four passes by products. */
export const fftRoom = (n: number): number => 4 * (4 * n + LARGEST_RADIX ** 2);
