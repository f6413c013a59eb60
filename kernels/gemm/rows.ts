/**
 * Products of one row, whose matrix is read as it lies.
 */
import { madd } from './tile';

/** How much of k is taken at a time. */
export const BLOCK_K: i32 = 256;

/** c [n] += x [depth] B for B [depth, n], four rows of B at a time. */
function addRows(n: i32, depth: i32, x: usize, b: usize, step: usize, c: usize): void {
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const at = x + 4 * (k as usize);
    const s0 = v128.load32_splat(at);
    const s1 = v128.load32_splat(at, 4);
    const s2 = v128.load32_splat(at, 8);
    const s3 = v128.load32_splat(at, 12);
    let r0 = b + (k as usize) * step;
    let r1 = r0 + step;
    let r2 = r1 + step;
    let r3 = r2 + step;
    let to = c;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      let sum = madd(v128.load(to), s0, v128.load(r0));
      sum = madd(sum, s1, v128.load(r1));
      sum = madd(sum, s2, v128.load(r2));
      v128.store(to, madd(sum, s3, v128.load(r3)));
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      to += 16;
    }
    for (; j < n; j++) {
      let sum = madd(v128.load32_zero(to), s0, v128.load32_zero(r0));
      sum = madd(sum, s1, v128.load32_zero(r1));
      sum = madd(sum, s2, v128.load32_zero(r2));
      v128.store_lane<f32>(to, madd(sum, s3, v128.load32_zero(r3)), 0);
      r0 += 4;
      r1 += 4;
      r2 += 4;
      r3 += 4;
      to += 4;
    }
  }
  for (; k < depth; k++) {
    const s = v128.load32_splat(x + 4 * (k as usize));
    let from = b + (k as usize) * step;
    for (let to = c; to < c + 4 * (n as usize); to += 4) {
      v128.store_lane<f32>(to, madd(v128.load32_zero(to), s, v128.load32_zero(from)), 0);
      from += 4;
    }
  }
}

/** Adds four products of x and B^T to four sums, the rows of B `step` bytes apart. */
// @inline
function fourRows(before: v128, x: usize, r0: usize, step: usize): v128 {
  const r1 = r0 + step;
  const r2 = r1 + step;
  const v0 = v128.load(r0);
  const v1 = v128.load(r1);
  const v2 = v128.load(r2);
  const v3 = v128.load(r2 + step);
  const t0 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
  const t1 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const t2 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const t3 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  let sum = madd(before, v128.load32_splat(x), v128.shuffle<f32>(t0, t1, 0, 1, 4, 5));
  sum = madd(sum, v128.load32_splat(x, 4), v128.shuffle<f32>(t0, t1, 2, 3, 6, 7));
  sum = madd(sum, v128.load32_splat(x, 8), v128.shuffle<f32>(t2, t3, 0, 1, 4, 5));
  return madd(sum, v128.load32_splat(x, 12), v128.shuffle<f32>(t2, t3, 2, 3, 6, 7));
}

/** c [n] += x [depth] B^T for B [n, depth], sixteen sums at a time. */
function addProducts(n: i32, depth: i32, x: usize, b: usize, step: usize, c: usize): void {
  const whole: usize = 4 * ((depth & ~3) as usize);
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    const first = b + (j as usize) * step;
    const second = first + 4 * step;
    const third = second + 4 * step;
    const fourth = third + 4 * step;
    const to = c + 4 * (j as usize);
    let s0 = v128.load(to);
    let s1 = v128.load(to, 16);
    let s2 = v128.load(to, 32);
    let s3 = v128.load(to, 48);
    for (let k: usize = 0; k < whole; k += 16) {
      s0 = fourRows(s0, x + k, first + k, step);
      s1 = fourRows(s1, x + k, second + k, step);
      s2 = fourRows(s2, x + k, third + k, step);
      s3 = fourRows(s3, x + k, fourth + k, step);
    }
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (let i = 0; i < n; i++) {
    const row = b + (i as usize) * step;
    const to = c + 4 * (i as usize);
    let sum = v128.load32_zero(to);
    for (let k: usize = i < j ? whole : 0; k < 4 * (depth as usize); k += 4)
      sum = madd(sum, v128.load32_zero(x + k), v128.load32_zero(row + k));
    v128.store_lane<f32>(to, sum, 0);
  }
}

/** c [n] += x op(B) for one row x, whose elements are `xStep` bytes apart. */
export function row(
  transposeB: bool,
  n: i32,
  depth: i32,
  x: usize,
  xStep: usize,
  b: usize,
  step: usize,
  c: usize,
  packed: usize,
): void {
  for (let k = 0; k < depth; k += BLOCK_K) {
    const count = min(BLOCK_K, depth - k);
    let from = x + (k as usize) * xStep;
    if (xStep !== 4) {
      for (let i: usize = 0; i < (count as usize); i++) store<u32>(packed + 4 * i, load<u32>(from + i * xStep));
      from = packed;
    }
    if (transposeB) addProducts(n, count, from, b + 4 * (k as usize), step, c);
    else addRows(n, count, from, b + (k as usize) * step, step, c);
  }
}
