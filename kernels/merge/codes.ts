/**
 * The values of a panel, two vectors of float32, from and to 8 stored numbers of one row.
 */

/** Storage types, as the host numbers them. */
export const BF16: i32 = 0;
export const F16: i32 = 1;
export const F32: i32 = 2;

// @inline
function upperHalves(x: v128): v128 {
  return v128.and(x, i32x4.splat(0xffff0000));
}

/** float32 values of half precision codes in the lower halves of 32 bit lanes. */
// @inline
function decodeHalf(h: v128): v128 {
  const magnitude = i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13);
  // times 2^112 for the other bias, which brings subnormals to their place too; infinities and NaN keep a full exponent
  const finite = f32x4.mul(magnitude, i32x4.splat(0x77800000));
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(finite, special), i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16));
}

/** Half precision codes, in the lower halves of 32 bit lanes, of finite float32 values below 65520; of others some code. */
// @inline
function encodeHalf(f: v128): v128 {
  const a = v128.and(f, i32x4.splat(0x7fffffff));
  const odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(a, i32x4.splat(0xfff)), odd), 13);
  const normal = i32x4.sub(rounded, i32x4.splat(112 << 10));
  // below 2^-14 the sum with 0.5 rounds at the last place of a half precision subnormal
  const subnormal = i32x4.sub(f32x4.add(a, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const code = v128.bitselect(subnormal, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  return v128.or(v128.and(code, i32x4.splat(0x7fff)), i32x4.shr_u(v128.and(f, i32x4.splat(0x80000000)), 16));
}

/** The first half of a panel's values in one row. */
// @inline
export function decodeFirst(kind: i32, at: usize): v128 {
  const x = v128.load(at);
  if (kind === F32) return x;
  return kind === BF16 ? i32x4.shl(x, 16) : decodeHalf(v128.and(x, i32x4.splat(0xffff)));
}

/** The second half of a panel's values in one row. */
// @inline
export function decodeSecond(kind: i32, at: usize): v128 {
  const x = kind === F32 ? v128.load(at, 16) : v128.load(at);
  if (kind === F32) return x;
  return kind === BF16 ? upperHalves(x) : decodeHalf(i32x4.shr_u(x, 16));
}

/** Even lanes of 16 bits of the first vector, odd ones of the second. */
// @inline
function alternate(even: v128, odd: v128): v128 {
  return v128.shuffle<u16>(even, odd, 0, 9, 2, 11, 4, 13, 6, 15);
}

/** The larger magnitudes, as float32 bits, which order as the magnitudes do. */
// @inline
function larger(most: v128, f: v128): v128 {
  return i32x4.max_s(most, v128.and(f, i32x4.splat(0x7fffffff)));
}

/**
 * Stores a panel's values in one row and gives the largest magnitudes so far: as float32 bits, or as bfloat16 codes cut off in lanes of 16 bits.
 */
// @inline
export function encode(kind: i32, at: usize, first: v128, second: v128, most: v128): v128 {
  if (kind === BF16) {
    const cut = alternate(i32x4.shr_u(first, 16), second);
    const rest = alternate(first, i32x4.shl(second, 16));
    // one more above a half, and at a half when the code is odd: ties go to even
    const even = v128.andnot(i16x8.splat(1), cut);
    const more = i16x8.shr_s(i16x8.sub_sat_u(rest, even), 15);
    v128.store(at, i16x8.sub(cut, more));
    return i16x8.max_s(most, v128.and(cut, i16x8.splat(0x7fff)));
  }
  if (kind === F32) {
    v128.store(at, first);
    v128.store(at, second, 16);
  } else {
    v128.store(at, v128.or(encodeHalf(first), i32x4.shl(encodeHalf(second), 16)));
  }
  return larger(larger(most, first), second);
}
