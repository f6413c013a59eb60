/**
 * W' = W + s_1 B_1 A_1 + s_2 B_2 A_2 + ... over a block of rows, in one pass: decode, add, round once, encode.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Each product is summed in float32 over k = 0, 1, ... from zero, scaled, and
 * added to the weight; the terms come in order. No fused multiply-add, so that results are the same on every machine.
 *
 * Blocks are 4 rows by 8 columns. B is packed in panels of 4 rows, [row / 4][k][4]; A in panels of 8 columns, [column / 8][k][8],
 * where k runs through the terms one after the other. For 16 bit types the columns of a panel are in the order 0, 2, 4, 6, 1, 3, 5, 7:
 * a vector of 8 codes splits into even and odd ones by shifts.
 */

/** Storage types, as the host numbers them. */
const BF16: i32 = 0;
const F16: i32 = 1;
const F32: i32 = 2;

/** Room for one block at the edge, which has fewer rows or columns than others. */
const EDGE: usize = memory.data(128, 16);

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

/** Half precision codes, in the lower halves of 32 bit lanes, of finite float32 values below 65520. */
// @inline
function encodeHalf(f: v128): v128 {
  const a = v128.and(f, i32x4.splat(0x7fffffff));
  const odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(a, i32x4.splat(0xfff)), odd), 13);
  const normal = i32x4.sub(rounded, i32x4.splat(112 << 10));
  // below 2^-14 the sum with 0.5 rounds at the last place of a half precision subnormal
  const subnormal = i32x4.sub(f32x4.add(a, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const code = v128.bitselect(subnormal, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  return v128.or(code, i32x4.shr_u(v128.and(f, i32x4.splat(0x80000000)), 16));
}

/** float32 bits whose upper halves are the nearest bfloat16 codes, ties to even, of values that are no NaN. */
// @inline
function roundToUpperHalf(f: v128): v128 {
  const odd = v128.and(i32x4.shr_u(f, 16), i32x4.splat(1));
  return i32x4.add(i32x4.add(f, i32x4.splat(0x7fff)), odd);
}

/** The first half of a panel's values in one row. */
// @inline
function decodeFirst(kind: i32, at: usize): v128 {
  const x = v128.load(at);
  if (kind === F32) return x;
  return kind === BF16 ? i32x4.shl(x, 16) : decodeHalf(v128.and(x, i32x4.splat(0xffff)));
}

/** The second half of a panel's values in one row. */
// @inline
function decodeSecond(kind: i32, at: usize): v128 {
  const x = kind === F32 ? v128.load(at, 16) : v128.load(at);
  if (kind === F32) return x;
  return kind === BF16 ? upperHalves(x) : decodeHalf(i32x4.shr_u(x, 16));
}

/** Stores a panel's values in one row. */
// @inline
function encode(kind: i32, at: usize, first: v128, second: v128): void {
  if (kind === F32) {
    v128.store(at, first);
    v128.store(at, second, 16);
  } else if (kind === BF16) {
    v128.store(at, v128.or(i32x4.shr_u(roundToUpperHalf(first), 16), upperHalves(roundToUpperHalf(second))));
  } else {
    v128.store(at, v128.or(encodeHalf(first), i32x4.shl(encodeHalf(second), 16)));
  }
}

// @inline
function madd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** The larger magnitudes, as float32 bits, which order as the magnitudes do. */
// @inline
function larger(most: v128, f: v128): v128 {
  return i32x4.max_s(most, v128.and(f, i32x4.splat(0x7fffffff)));
}

/**
 * Merges one block and gives the largest magnitudes, as float32 bits.
 *
 * @param from, fromStep, to, toStep first element and bytes from row to row
 * @param a, b the panels of A and B
 * @param terms, end pairs (rank, s)
 */
// @inline
function block(
  kind: i32,
  from: usize,
  to: usize,
  step: usize,
  a: usize,
  b: usize,
  terms: usize,
  end: usize,
  before: v128,
): v128 {
  const from1 = from + step;
  const from2 = from1 + step;
  const from3 = from2 + step;
  let f0 = decodeFirst(kind, from);
  let g0 = decodeSecond(kind, from);
  let f1 = decodeFirst(kind, from1);
  let g1 = decodeSecond(kind, from1);
  let f2 = decodeFirst(kind, from2);
  let g2 = decodeSecond(kind, from2);
  let f3 = decodeFirst(kind, from3);
  let g3 = decodeSecond(kind, from3);
  let k = a;
  let l = b;
  for (let term = terms; term < end; term += 8) {
    let p0 = f32x4.splat(0);
    let q0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let q1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let q2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    let q3 = f32x4.splat(0);
    const last = k + 32 * load<u32>(term);
    while (k < last) {
      const x = v128.load(k);
      const y = v128.load(k, 16);
      let c = v128.load32_splat(l);
      p0 = madd(p0, x, c);
      q0 = madd(q0, y, c);
      c = v128.load32_splat(l, 4);
      p1 = madd(p1, x, c);
      q1 = madd(q1, y, c);
      c = v128.load32_splat(l, 8);
      p2 = madd(p2, x, c);
      q2 = madd(q2, y, c);
      c = v128.load32_splat(l, 12);
      p3 = madd(p3, x, c);
      q3 = madd(q3, y, c);
      k += 32;
      l += 16;
    }
    const s = v128.load32_splat(term, 4);
    f0 = madd(f0, p0, s);
    g0 = madd(g0, q0, s);
    f1 = madd(f1, p1, s);
    g1 = madd(g1, q1, s);
    f2 = madd(f2, p2, s);
    g2 = madd(g2, q2, s);
    f3 = madd(f3, p3, s);
    g3 = madd(g3, q3, s);
  }
  const to1 = to + step;
  const to2 = to1 + step;
  const to3 = to2 + step;
  encode(kind, to, f0, g0);
  encode(kind, to1, f1, g1);
  encode(kind, to2, f2, g2);
  encode(kind, to3, f3, g3);
  let most = larger(larger(before, f0), g0);
  most = larger(larger(most, f1), g1);
  most = larger(larger(most, f2), g2);
  return larger(larger(most, f3), g3);
}

/** The same for one storage type; see `merge`. */
// @inline
function mergeKind(kind: i32, from: usize, to: usize, start: i32, rows: i32, columns: i32, factors: usize): v128 {
  const A: usize = load<u32>(factors);
  const B: usize = load<u32>(factors, 4);
  const rank: usize = load<u32>(factors, 8);
  const terms = factors + 16;
  const end = terms + 8 * load<u32>(factors, 12);
  const size: usize = kind === F32 ? 4 : 2;
  const step: usize = (columns as usize) * size;
  const panel: usize = 32 * rank;
  let most = i32x4.splat(0);
  let i: i32 = 0;
  while (i < rows) {
    const lane = (start + i) & 3;
    const count = min(4 - lane, rows - i);
    const b = B + (((start + i) >> 2) as usize) * 16 * rank;
    let x = from + (i as usize) * step;
    let y = to + (i as usize) * step;
    let a = A;
    for (let j = 0; j < columns; j += 8) {
      const partial = count < 4 || j + 8 > columns;
      const bytes = (min(8, columns - j) as usize) * size;
      const edge = EDGE + (lane as usize) * 8 * size;
      if (partial) {
        memory.fill(EDGE, 0, 128);
        for (let n = 0; n < count; n++) memory.copy(edge + (n as usize) * 8 * size, x + (n as usize) * step, bytes);
      }
      const at = partial ? EDGE : x;
      most = block(kind, at, partial ? at : y, partial ? 8 * size : step, a, b, terms, end, most);
      if (partial) {
        for (let n = 0; n < count; n++) memory.copy(y + (n as usize) * step, edge + (n as usize) * 8 * size, bytes);
      }
      x += 8 * size;
      y += 8 * size;
      a += panel;
    }
    i += count;
  }
  return most;
}

/**
 * Merges a block of rows from one place to another.
 *
 * @param kind 0: bfloat16, 1: float16, 2: float32
 * @param from, to the block's bytes before and after, rows * columns elements each
 * @param start index of the block's first row in B
 * @param factors where A's panels are, where B's, the sum of the terms' ranks, how many terms (u32 each); then the terms' pairs
 *   (rank as u32, s as f32)
 * @returns the largest magnitude before rounding, as float32 bits; above that of the largest finite value of the type (NaN
 *   included) the result is not to be used
 */
export function merge(kind: i32, from: usize, to: usize, start: i32, rows: i32, columns: i32, factors: usize): i32 {
  let most: v128;
  if (kind === BF16) most = mergeKind(BF16, from, to, start, rows, columns, factors);
  else if (kind === F16) most = mergeKind(F16, from, to, start, rows, columns, factors);
  else most = mergeKind(F32, from, to, start, rows, columns, factors);
  const low = max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1));
  return max(low, max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)));
}

/** Where free memory begins. */
export function heapBase(): usize {
  return __heap_base;
}
