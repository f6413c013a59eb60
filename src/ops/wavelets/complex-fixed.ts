/**
 * Complex numbers in fixed point with hundreds of bits, for polynomials whose roots float64 cannot tell apart.
 */

/** A complex number re + i im, both times 2^BITS. */
export interface Fixed {
  readonly re: bigint;
  readonly im: bigint;
}

/** Bits behind the point: about 96 decimal digits. */
const BITS = 320n;

/** The complex number of two integers. */
export const fixed = (re: bigint | number, im: bigint | number = 0): Fixed => ({
  re: BigInt(re) << BITS,
  im: BigInt(im) << BITS,
});

/** The complex number of two floats, to 53 bits each. */
export const fromFloats = (re: number, im: number): Fixed => {
  const bits = (x: number): bigint => BigInt(Math.round(x * 2 ** 52)) << (BITS - 52n);
  return { re: bits(re), im: bits(im) };
};

/** a + b. */
export const add = (a: Fixed, b: Fixed): Fixed => ({ re: a.re + b.re, im: a.im + b.im });

/** a - b. */
export const subtract = (a: Fixed, b: Fixed): Fixed => ({ re: a.re - b.re, im: a.im - b.im });

/** a b, rounded down. */
export const multiply = (a: Fixed, b: Fixed): Fixed => ({
  re: (a.re * b.re - a.im * b.im) >> BITS,
  im: (a.re * b.im + a.im * b.re) >> BITS,
});

/** a / b; throws a `RangeError` for b = 0. */
export const divide = (a: Fixed, b: Fixed): Fixed => {
  const square = b.re * b.re + b.im * b.im;
  return {
    re: ((a.re * b.re + a.im * b.im) << BITS) / square,
    im: ((a.im * b.re - a.re * b.im) << BITS) / square,
  };
};

/** floor(sqrt(n)) by Newton's iteration from above. */
const integerRoot = (n: bigint): bigint => {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
};

/** The square root with a real part that is not negative. */
export const squareRoot = ({ re, im }: Fixed): Fixed => {
  const length = integerRoot(re * re + im * im);
  const half = (x: bigint): bigint => integerRoot((x < 0n ? 0n : x) << (BITS - 1n));
  const root = half(length - re);
  return { re: half(length + re), im: im < 0n ? -root : root };
};

/** |a|^2, times 2^(2 BITS), for comparisons. */
export const squaredLength = (a: Fixed): bigint => a.re * a.re + a.im * a.im;

/** Whether |a| is below 2^-bits. */
export const isBelow = (a: Fixed, bits: number): boolean => squaredLength(a) < 1n << (2n * (BITS - BigInt(bits)));

/** The real part as a float. */
export const realPart = ({ re }: Fixed): number => {
  const sign = re < 0n ? -1 : 1;
  const digits = (re < 0n ? -re : re).toString(2);
  // 64 leading bits, so that Number rounds once
  const cut = Math.max(0, digits.length - 64);
  const head = BigInt(`0b${digits.slice(0, digits.length - cut)}`);
  return sign * Number(head) * 2 ** (cut - Number(BITS));
};
