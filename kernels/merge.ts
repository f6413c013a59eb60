/**
 * W' = W + s_1 B_1 A_1 + s_2 B_2 A_2 + ... over a block of rows, in one pass: decode, add, round once, encode.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Each product is summed in float32 over
 * k = 0, 1, ... from zero, scaled, and added to the weight; the terms come in order. The plain build rounds each product, so that results are
 * the same on every machine; the relaxed one may use fused multiply-adds.
 *
 * Blocks are 4 rows by 8 columns. B is packed in panels of 4 rows, [row / 4][k][4]; A in panels of 8 columns, [column / 8][k][8],
 * where k runs through the terms one after the other. For 16 bit types the columns of a panel are in the order 0, 2, 4, 6, 1, 3, 5, 7:
 * a vector of 8 codes splits into even and odd ones by shifts.
 *
 * V8 has 15 vector registers for us: in the loop over k only a block's 8 sums and what is multiplied are alive, and weights are decoded
 * after it.
 */
import { BF16, decodeFirst, decodeSecond, encode, F16, F32 } from './merge/codes';

export { packA, packB } from './merge/pack';

/** Bytes of a term: its rank, s, and from the 16th on room for s times its product of one block. */
const TERM: usize = 16 + 128;

/** Room for one block at the edge, which has fewer rows or columns than others. */
const EDGE: usize = memory.data(128, 16);

// @inline
function madd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/**
 * Merges a panel of one row: what the terms before gave for it, from `room` to `roomEnd` in steps of TERM, and s times the product of the last
 * one are added to the weights. Gives the largest magnitudes so far, as `encode` does.
 */
// @inline
function finish(
  kind: i32,
  from: usize,
  to: usize,
  room: usize,
  roomEnd: usize,
  first: v128,
  second: v128,
  s: v128,
  most: v128,
): v128 {
  let f = decodeFirst(kind, from);
  let g = decodeSecond(kind, from);
  for (; room < roomEnd; room += TERM) {
    f = f32x4.add(f, v128.load(room));
    g = f32x4.add(g, v128.load(room, 16));
  }
  return encode(kind, to, madd(f, first, s), madd(g, second, s), most);
}

/** Merges one block and gives the largest magnitudes so far; `a` and `b` are the panels of A and B, `terms` to `end` the terms. */
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
  most: v128,
): v128 {
  let k = a;
  let l = b;
  for (let term = terms; term < end; term += TERM) {
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
    if (term + TERM === end) {
      const room = terms + 16;
      const roomEnd = term + 16;
      most = finish(kind, from, to, room, roomEnd, p0, q0, s, most);
      from += step;
      to += step;
      most = finish(kind, from, to, room + 32, roomEnd + 32, p1, q1, s, most);
      from += step;
      to += step;
      most = finish(kind, from, to, room + 64, roomEnd + 64, p2, q2, s, most);
      from += step;
      to += step;
      most = finish(kind, from, to, room + 96, roomEnd + 96, p3, q3, s, most);
    } else {
      v128.store(term, f32x4.mul(p0, s), 16);
      v128.store(term, f32x4.mul(q0, s), 32);
      v128.store(term, f32x4.mul(p1, s), 48);
      v128.store(term, f32x4.mul(q1, s), 64);
      v128.store(term, f32x4.mul(p2, s), 80);
      v128.store(term, f32x4.mul(q2, s), 96);
      v128.store(term, f32x4.mul(p3, s), 112);
      v128.store(term, f32x4.mul(q3, s), 128);
    }
  }
  return most;
}

/** The same for one storage type; see `merge`. */
// @inline
function mergeKind(kind: i32, from: usize, to: usize, start: i32, rows: i32, columns: i32, factors: usize): v128 {
  const A: usize = load<u32>(factors);
  const B: usize = load<u32>(factors, 4);
  const rank: usize = load<u32>(factors, 8);
  const terms = factors + 16;
  const end = terms + TERM * load<u32>(factors, 12);
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
 * Merges a block of rows from one place to another, which may be the same.
 *
 * @param kind 0: bfloat16, 1: float16, 2: float32
 * @param from, to the block's bytes before and after, rows * columns elements each
 * @param start index of the block's first row in B
 * @param factors where A's panels are, where B's, the sum of the terms' ranks, how many terms there are, at least one (u32 each); then
 *   the terms (rank as u32, s as f32, and room: TERM bytes)
 * @returns the largest magnitude before rounding, or a little more, as float32 bits; above that of the largest finite value of the type (NaN
 *   included) the result is not to be used
 */
export function merge(kind: i32, from: usize, to: usize, start: i32, rows: i32, columns: i32, factors: usize): i32 {
  if (kind === BF16) {
    const codes = mergeKind(BF16, from, to, start, rows, columns, factors);
    const four = i16x8.max_s(codes, i32x4.shr_u(codes, 16));
    const two = i16x8.max_s(four, i64x2.shr_u(four, 32));
    const largest = max(i16x8.extract_lane_s(two, 0), i16x8.extract_lane_s(two, 4));
    return ((largest as i32) << 16) | 0xffff;
  }
  const most =
    kind === F16
      ? mergeKind(F16, from, to, start, rows, columns, factors)
      : mergeKind(F32, from, to, start, rows, columns, factors);
  const low = max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1));
  return max(low, max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)));
}

/** Where free memory begins. */
export function heapBase(): usize {
  return __heap_base;
}
