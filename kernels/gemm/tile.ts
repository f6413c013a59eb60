/**
 * The tile of a product that stays in registers.
 */

/** Rows and columns of a tile: its sums are 12 of the 16 vector registers of x86-64. */
export const TILE_ROWS: i32 = 6;
export const TILE_COLUMNS: i32 = 8;

// @inline
export function madd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** C (+)= A B for one tile: a and b are panels, `step` the bytes from row to row of C. */
export function tile(depth: i32, a: usize, b: usize, c: usize, step: usize, accumulate: bool): void {
  const c1 = c + step;
  const c2 = c1 + step;
  const c3 = c2 + step;
  const c4 = c3 + step;
  const c5 = c4 + step;
  let p0 = f32x4.splat(0);
  let q0 = p0;
  let p1 = p0;
  let q1 = p0;
  let p2 = p0;
  let q2 = p0;
  let p3 = p0;
  let q3 = p0;
  let p4 = p0;
  let q4 = p0;
  let p5 = p0;
  let q5 = p0;
  if (accumulate) {
    p0 = v128.load(c);
    q0 = v128.load(c, 16);
    p1 = v128.load(c1);
    q1 = v128.load(c1, 16);
    p2 = v128.load(c2);
    q2 = v128.load(c2, 16);
    p3 = v128.load(c3);
    q3 = v128.load(c3, 16);
    p4 = v128.load(c4);
    q4 = v128.load(c4, 16);
    p5 = v128.load(c5);
    q5 = v128.load(c5, 16);
  }
  const end = a + 4 * (TILE_ROWS as usize) * (depth as usize);
  let left = a;
  let right = b;
  while (left < end) {
    const x = v128.load(right);
    const y = v128.load(right, 16);
    let e = v128.load32_splat(left);
    p0 = madd(p0, e, x);
    q0 = madd(q0, e, y);
    e = v128.load32_splat(left, 4);
    p1 = madd(p1, e, x);
    q1 = madd(q1, e, y);
    e = v128.load32_splat(left, 8);
    p2 = madd(p2, e, x);
    q2 = madd(q2, e, y);
    e = v128.load32_splat(left, 12);
    p3 = madd(p3, e, x);
    q3 = madd(q3, e, y);
    e = v128.load32_splat(left, 16);
    p4 = madd(p4, e, x);
    q4 = madd(q4, e, y);
    e = v128.load32_splat(left, 20);
    p5 = madd(p5, e, x);
    q5 = madd(q5, e, y);
    left += 24;
    right += 32;
  }
  v128.store(c, p0);
  v128.store(c, q0, 16);
  v128.store(c1, p1);
  v128.store(c1, q1, 16);
  v128.store(c2, p2);
  v128.store(c2, q2, 16);
  v128.store(c3, p3);
  v128.store(c3, q3, 16);
  v128.store(c4, p4);
  v128.store(c4, q4, 16);
  v128.store(c5, p5);
  v128.store(c5, q5, 16);
}
