/**
 * Four float32 numbers at a time: loads and stores with ends of rows, sums, and e^x.
 */

/** Below this, exp is taken to be zero: float32's subnormal numbers begin at -87.3. */
const LEAST: f32 = -86.6;

/** 1.5 times 2^23: float32 has no fractions beyond. */
const ROUNDING: f32 = 12582912;

/** e^x by Cody and Waite's reduction and a polynomial of degree 5 on [-ln 2 / 2, ln 2 / 2]; at most 2^127, relative error about 1e-7. */
// @inline
export function exp(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, f32x4.splat(LEAST)), f32x4.splat(88.37));
  // the sum rounds to whole numbers, which stand in its last bits
  const whole = f32x4.add(f32x4.mul(v, f32x4.splat(Mathf.LOG2E)), f32x4.splat(ROUNDING));
  const n = f32x4.sub(whole, f32x4.splat(ROUNDING));
  // ln 2 in two parts, the first with zeros at its end
  const high = f32x4.sub(v, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(high, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const e = v128.andnot(i32x4.add(p, i32x4.shl(whole, 23)), f32x4.lt(x, f32x4.splat(LEAST)));
  return v128.bitselect(e, x, f32x4.eq(x, x)); // NaN stays
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
