/**
 * float32 to the codes of shorter formats, rounded once, ties to even.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs. NaN is told, not encoded: what it becomes is decided elsewhere.
 */

/** Room for the values and for the codes of one block. */
const FROM: usize = memory.data(65536, 16);
const TO: usize = memory.data(32768, 16);

/** Where a block's values are expected, 16384 at most, and where its codes are put. */
export function from(): usize {
  return FROM;
}
export function to(): usize {
  return TO;
}

/** The largest of four magnitudes, as float32 bits. */
function largest(most: v128): i32 {
  const low = max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1));
  return max(low, max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)));
}

// @inline
function magnitude(f: v128): v128 {
  return v128.and(f, i32x4.splat(0x7fffffff));
}

// @inline
function upperHalf(f: v128): v128 {
  const odd = v128.and(i32x4.shr_u(f, 16), i32x4.splat(1));
  return i32x4.shr_u(i32x4.add(i32x4.add(f, i32x4.splat(0x7fff)), odd), 16);
}

/**
 * bfloat16 codes of n values, a multiple of 8.
 *
 * @returns the largest magnitude as float32 bits; above those of infinity the codes are not to be used
 */
export function encodeBF16(n: i32): i32 {
  let most = i32x4.splat(0);
  const bytes = (n as usize) << 1;
  for (let i: usize = 0; i < bytes; i += 16) {
    const f = v128.load(FROM + 2 * i);
    const g = v128.load(FROM + 2 * i, 16);
    most = i32x4.max_s(most, i32x4.max_s(magnitude(f), magnitude(g)));
    v128.store(TO + i, i16x8.narrow_i32x4_u(upperHalf(f), upperHalf(g)));
  }
  return largest(most);
}

/** Codes of four values of a format, in 32 bit lanes; see `encodeSmall`. */
// @inline
function codes(f: v128, mantissa: i32, bias: i32, overflow: i32, signAt: i32): v128 {
  const a = magnitude(f);
  const shift = 23 - mantissa;
  const r = i32x4.sub(a, i32x4.splat((127 - bias) << 23));
  const odd = v128.and(i32x4.shr_u(r, shift), i32x4.splat(1));
  const half = i32x4.splat((1 << (shift - 1)) - 1);
  const normal = i32x4.min_s(i32x4.shr_u(i32x4.add(i32x4.add(r, half), odd), shift), i32x4.splat(overflow));
  // below the smallest normal number the sum with a power of two rounds at the last place of a subnormal one
  const power = i32x4.splat((151 - bias - mantissa) << 23);
  const subnormal = i32x4.sub(f32x4.add(a, power), power);
  const code = v128.bitselect(subnormal, normal, i32x4.lt_s(a, i32x4.splat((128 - bias) << 23)));
  return v128.or(code, i32x4.shl(i32x4.shr_u(f, 31), signAt));
}

/**
 * Codes of n values, a multiple of 16, in a format of one or two bytes with a sign, an exponent of this bias and a mantissa of so many bits.
 *
 * @param overflow the code, without sign, of what is above the largest number
 * @returns as `encodeBF16`
 */
export function encodeSmall(n: i32, mantissa: i32, bias: i32, overflow: i32, signAt: i32): i32 {
  let most = i32x4.splat(0);
  const count: usize = n;
  for (let i: usize = 0; i < count; i += 16) {
    const at = FROM + 4 * i;
    const f0 = v128.load(at);
    const f1 = v128.load(at, 16);
    const f2 = v128.load(at, 32);
    const f3 = v128.load(at, 48);
    most = i32x4.max_s(most, i32x4.max_s(magnitude(f0), magnitude(f1)));
    most = i32x4.max_s(most, i32x4.max_s(magnitude(f2), magnitude(f3)));
    const c0 = codes(f0, mantissa, bias, overflow, signAt);
    const c1 = codes(f1, mantissa, bias, overflow, signAt);
    const c2 = codes(f2, mantissa, bias, overflow, signAt);
    const c3 = codes(f3, mantissa, bias, overflow, signAt);
    const low = i16x8.narrow_i32x4_u(c0, c1);
    const high = i16x8.narrow_i32x4_u(c2, c3);
    if (signAt === 15) {
      v128.store(TO + 2 * i, low);
      v128.store(TO + 2 * i, high, 16);
    } else {
      v128.store(TO + i, i8x16.narrow_i16x8_u(low, high));
    }
  }
  return largest(most);
}
