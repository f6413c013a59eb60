/**
 * Passes of Fourier transforms: transforms of a few points each, and the turns between one pass and the next.
 */
import { numbers } from '../kernels/linalg.js';
import { addProduct } from './product.js';

/** Complex numbers, real and imaginary parts apart. */
export interface ComplexRow {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** cos and sin of 2 pi i / n. */
export const turnOf = (n: number): ComplexRow => ({
  re: Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n)),
  im: Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * i) / n)),
});

/** A pass: `stride` transforms side by side, each of `length` elements, from one row into another. */
export type Pass = (from: ComplexRow, to: ComplexRow, w: ComplexRow, stride: number, length: number) => void;

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

/** Two points. */
const passOf2: Pass = ({ re: x, im: y }, { re: u, im: v }, { re: c, im: s }, stride, length) => {
  const step = (stride * length) / 2;
  for (let t = 0, o = 0; t < step; t += stride, o += stride) {
    const c1 = c[t] as number;
    const s1 = s[t] as number;
    for (let a = t; a < t + stride; a++, o++) {
      const difRe = (x[a] as number) - (x[a + step] as number);
      const difIm = (y[a] as number) - (y[a + step] as number);
      u[o] = (x[a] as number) + (x[a + step] as number);
      v[o] = (y[a] as number) + (y[a + step] as number);
      u[o + stride] = difRe * c1 - difIm * s1;
      v[o + stride] = difRe * s1 + difIm * c1;
    }
  }
};

/** cos and sin of 2 pi j k / r for j and k from 1 to (r - 1) / 2, rows of k. */
const quarterOf = (r: number): ComplexRow => {
  const [half, turn] = [(r - 1) / 2, turnOf(r)];
  const table = (values: Float64Array): Float64Array => {
    const out = numbers(half * half);
    for (let i = 0; i < out.length; i++) out[i] = values[((Math.floor(i / half) + 1) * ((i % half) + 1)) % r] as number;
    return out;
  };
  return { re: table(turn.re), im: table(turn.im) };
};

/**
 * An odd number r of points. Those at j and r - j meet the same cosine and opposite sines, for the results k and r - k alike, so that
 * their sums and differences take a quarter of r^2 multiplications.
 */
const passOfOdd = (r: number): Pass => {
  const half = (r - 1) / 2;
  const { re: cosines, im: sines } = quarterOf(r);
  const [sumRe, sumIm, difRe, difIm] = Array.from({ length: 4 }, () => new Float64Array(half)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return ({ re: x, im: y }, { re: u, im: v }, { re: c, im: s }, stride, length) => {
    const step = (stride * length) / r;
    for (let p = 0; p < length / r; p++) {
      const t = p * stride;
      for (let a = t, o = r * t; a < t + stride; a++, o++) {
        const firstRe = x[a] as number;
        const firstIm = y[a] as number;
        let re = firstRe;
        let im = firstIm;
        for (let j = 0, from = a + step, back = a + (r - 1) * step; j < half; j++, from += step, back -= step) {
          const addRe = (x[from] as number) + (x[back] as number);
          const addIm = (y[from] as number) + (y[back] as number);
          sumRe[j] = addRe;
          sumIm[j] = addIm;
          difRe[j] = (x[from] as number) - (x[back] as number);
          difIm[j] = (y[from] as number) - (y[back] as number);
          re += addRe;
          im += addIm;
        }
        u[o] = re;
        v[o] = im;
        for (let k = 1, row = 0; k <= half; k++, row += half) {
          let evenRe = firstRe;
          let evenIm = firstIm;
          let oddRe = 0;
          let oddIm = 0;
          for (let j = 0; j < half; j++) {
            const cos = cosines[row + j] as number;
            const sin = sines[row + j] as number;
            evenRe += cos * (sumRe[j] as number);
            evenIm += cos * (sumIm[j] as number);
            oddRe -= sin * (difIm[j] as number);
            oddIm += sin * (difRe[j] as number);
          }
          const [at, to] = [k * t, o + k * stride];
          const [c1, s1] = [c[at] as number, s[at] as number];
          u[to] = (evenRe + oddRe) * c1 - (evenIm + oddIm) * s1;
          v[to] = (evenRe + oddRe) * s1 + (evenIm + oddIm) * c1;
          const [opposite, end] = [(r - k) * t, o + (r - k) * stride];
          const [c2, s2] = [c[opposite] as number, s[opposite] as number];
          u[end] = (evenRe - oddRe) * c2 - (evenIm - oddIm) * s2;
          v[end] = (evenRe - oddRe) * s2 + (evenIm - oddIm) * c2;
        }
      }
    }
  };
};

/**
 * The same for a larger r: the transforms that lie side by side make the sums and differences matrices, and two products give what each
 * pair of results is made of.
 */
const passOfLarge = (r: number, widest: number): Pass => {
  const half = (r - 1) / 2;
  const { re: cosines, im: sines } = quarterOf(r);
  const [sums, differences, even, odd] = Array.from({ length: 4 }, () => numbers(2 * half * widest)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return ({ re: x, im: y }, { re: u, im: v }, { re: c, im: s }, stride, length) => {
    const [step, width] = [(stride * length) / r, 2 * stride];
    const times = (table: Float64Array, from: Float64Array, to: Float64Array): void =>
      addProduct(
        half,
        half,
        width,
        { x: table, at: 0, row: half, step: 1 },
        { x: from, at: 0, row: width },
        { x: to, at: 0, row: width },
      );
    for (let t = 0; t < step; t += stride) {
      const o = r * t;
      for (let a = 0; a < stride; a++) {
        u[o + a] = x[t + a] as number;
        v[o + a] = y[t + a] as number;
      }
      for (let j = 1; j <= half; j++) {
        const [to, from, back] = [(j - 1) * width, t + j * step, t + (r - j) * step];
        for (let a = 0; a < stride; a++) {
          const addRe = (x[from + a] as number) + (x[back + a] as number);
          const addIm = (y[from + a] as number) + (y[back + a] as number);
          sums[to + a] = addRe;
          sums[to + stride + a] = addIm;
          // i times the difference
          differences[to + a] = (y[back + a] as number) - (y[from + a] as number);
          differences[to + stride + a] = (x[from + a] as number) - (x[back + a] as number);
          u[o + a] = (u[o + a] as number) + addRe;
          v[o + a] = (v[o + a] as number) + addIm;
        }
      }
      for (const [table, from, to] of [
        [cosines, sums, even],
        [sines, differences, odd],
      ] as const) {
        to.fill(0, 0, half * width);
        times(table, from, to);
      }
      for (let k = 1; k <= half; k++) {
        const [from, to, end] = [(k - 1) * width, o + k * stride, o + (r - k) * stride];
        const [c1, s1] = [c[k * t] as number, s[k * t] as number];
        const [c2, s2] = [c[(r - k) * t] as number, s[(r - k) * t] as number];
        for (let a = 0; a < stride; a++) {
          const [evenRe, oddRe] = [(x[t + a] as number) + (even[from + a] as number), odd[from + a] as number];
          const [evenIm, oddIm] = [
            (y[t + a] as number) + (even[from + stride + a] as number),
            odd[from + stride + a] as number,
          ];
          u[to + a] = (evenRe + oddRe) * c1 - (evenIm + oddIm) * s1;
          v[to + a] = (evenRe + oddRe) * s1 + (evenIm + oddIm) * c1;
          u[end + a] = (evenRe - oddRe) * c2 - (evenIm - oddIm) * s2;
          v[end + a] = (evenRe - oddRe) * s2 + (evenIm - oddIm) * c2;
        }
      }
    }
  };
};

/** Up to this many points a pass by products is no gain. */
const SMALL = 9;

/** The pass of r points for rows of n elements. */
export const passOf = (r: number, n: number): Pass => {
  if (r === 4) return passOf4;
  if (r === 2) return passOf2;
  return r <= SMALL ? passOfOdd(r) : passOfLarge(r, n / r);
};
