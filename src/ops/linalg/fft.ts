/**
 * Fourier transforms of one row on the host, in float64, for lengths whose prime factors are small.
 *
 * Stockham's autosort algorithm (Cochran et al., 1967): each factor r of the length is one pass of r-point transforms, and no
 * order has to be put right before or after.
 */

/** Complex numbers, real and imaginary parts apart. */
export interface ComplexRow {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Above this prime factor a pass, which takes r operations an element, is no gain over a product. */
const LARGEST_RADIX = 64;

/** The factors of n, with fours for pairs of twos; undefined where one is too large. */
export const radicesOf = (n: number): ReadonlyArray<number> | undefined => {
  const radices: number[] = [];
  let rest = n;
  for (const r of [4, 2]) for (; rest % r === 0; rest /= r) radices.push(r);
  for (let r = 3; r <= LARGEST_RADIX; r += 2) for (; rest % r === 0; rest /= r) radices.push(r);
  return rest === 1 ? radices : undefined;
};

/** cos and sin of 2 pi i / n. */
export const turnOf = (n: number): ComplexRow => ({
  re: Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n)),
  im: Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * i) / n)),
});

/** A pass: `stride` transforms side by side, each of `length` elements, from one row into another. */
type Pass = (from: ComplexRow, to: ComplexRow, w: ComplexRow, stride: number, length: number) => void;

/** Four points, by additions only but for the turn of each result. */
const passOf4: Pass = ({ re: x, im: y }, { re: u, im: v }, { re: c, im: s }, stride, length) => {
  const step = (stride * length) / 4;
  for (let p = 0; p < length / 4; p++) {
    const t = p * stride;
    const c1 = c[t] as number;
    const s1 = s[t] as number;
    const c2 = c[2 * t] as number;
    const s2 = s[2 * t] as number;
    const c3 = c[3 * t] as number;
    const s3 = s[3 * t] as number;
    for (let a = t, o = 4 * t; a < t + stride; a++, o++) {
      const sumRe = (x[a] as number) + (x[a + 2 * step] as number);
      const sumIm = (y[a] as number) + (y[a + 2 * step] as number);
      const difRe = (x[a] as number) - (x[a + 2 * step] as number);
      const difIm = (y[a] as number) - (y[a + 2 * step] as number);
      const addRe = (x[a + step] as number) + (x[a + 3 * step] as number);
      const addIm = (y[a + step] as number) + (y[a + 3 * step] as number);
      // i times the difference of the second and the fourth
      const subRe = (y[a + 3 * step] as number) - (y[a + step] as number);
      const subIm = (x[a + step] as number) - (x[a + 3 * step] as number);
      u[o] = sumRe + addRe;
      v[o] = sumIm + addIm;
      u[o + stride] = (difRe + subRe) * c1 - (difIm + subIm) * s1;
      v[o + stride] = (difRe + subRe) * s1 + (difIm + subIm) * c1;
      u[o + 2 * stride] = (sumRe - addRe) * c2 - (sumIm - addIm) * s2;
      v[o + 2 * stride] = (sumRe - addRe) * s2 + (sumIm - addIm) * c2;
      u[o + 3 * stride] = (difRe - subRe) * c3 - (difIm - subIm) * s3;
      v[o + 3 * stride] = (difRe - subRe) * s3 + (difIm - subIm) * c3;
    }
  }
};

/** r points, as r sums of r terms. */
const passOf =
  (r: number): Pass =>
  ({ re: x, im: y }, { re: u, im: v }, w, stride, length) => {
    const [part, n] = [length / r, stride * length];
    for (let p = 0; p < part; p++)
      for (let k = 0; k < r; k++) {
        const out = stride * (r * p + k);
        u.fill(0, out, out + stride);
        v.fill(0, out, out + stride);
        for (let j = 0; j < r; j++) {
          // the r-point transform and the turn that follows it, as one angle
          const at = (p * k * stride + ((j * k) % r) * (n / r)) % n;
          const cos = w.re[at] as number;
          const sin = w.im[at] as number;
          for (let a = stride * (p + part * j), o = out; o < out + stride; a++, o++) {
            const re = x[a] as number;
            const im = y[a] as number;
            u[o] = (u[o] as number) + re * cos - im * sin;
            v[o] = (v[o] as number) + re * sin + im * cos;
          }
        }
      }
  };

/**
 * The transform of rows of n elements: `z[q] = sum_v Z[v] e^(2 pi i v q / n)`, not divided by n.
 *
 * @returns a function that gives the transform of a row, which it overwrites; the result is good until its next call
 * @throws RangeError where a prime factor of n is above 64 (see `radicesOf`)
 */
export const inverseFft = (n: number): ((row: ComplexRow) => ComplexRow) => {
  const radices = radicesOf(n);
  if (radices === undefined)
    throw new RangeError(`a transform of ${n} elements: a prime factor above ${LARGEST_RADIX}`);
  const w = turnOf(n);
  const passes = radices.map((r) => [r, r === 4 ? passOf4 : passOf(r)] as const);
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
