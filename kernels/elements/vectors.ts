/**
 * Four float32 numbers at a time: loads and stores with ends of rows, sums, and e^x.
 */

/** sum + a b, rounded once in the relaxed build where the machine can. */
// @inline
export function madd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** 1.5 times 2^23, where float32 has no fractions, and the bias of its exponents. */
const ROUNDING: f32 = 12583039;

/**
 * e^x by Cody and Waite's reduction and a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2], fitted to the relative error: that is 8e-8
 * at most, from rounding. Zero below -87.7, at most 2^127, NaN for NaN.
 *
 * Four of them in a row take half the time of four in a loop: the engine makes the constants once.
 */
// @inline
export function exp(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-88)), f32x4.splat(88.37));
  // the sum rounds to whole numbers, which stand in its last bits and there, with the bias, are the exponent of 2^n
  const whole = madd(f32x4.splat(ROUNDING), v, f32x4.splat(Mathf.LOG2E));
  const n = f32x4.sub(whole, f32x4.splat(ROUNDING));
  // ln 2 in two parts, the first with zeros at its end
  const high = madd(v, n, f32x4.splat(-0.693359375));
  const r = madd(high, n, f32x4.splat(2.1219444e-4));
  let p = madd(f32x4.splat(0.00836885068565607), f32x4.splat(0.0013814320554956794), r);
  p = madd(f32x4.splat(0.041668400168418884), p, r);
  p = madd(f32x4.splat(0.1666651964187622), p, r);
  p = madd(f32x4.splat(0.4999999403953552), p, r);
  const e = f32x4.add(madd(r, p, f32x4.mul(r, r)), f32x4.splat(1));
  return f32x4.mul(e, i32x4.shl(whole, 23));
}

/** Four elements, or one that the others repeat at the end of a row. */
// @inline
export function take(whole: bool, at: usize): v128 {
  return whole ? v128.load(at) : v128.load32_splat(at);
}

// @inline
export function save(whole: bool, at: usize, x: v128): void {
  if (whole) v128.store(at, x);
  else v128.store_lane<f32>(at, x, 0);
}

// @inline
export function sumOfLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}
