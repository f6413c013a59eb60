/**
 * Softmax of rows, and the sums below it.
 */
import { exp, sumOfLanes } from './vectors';

/** The largest element of a row. */
function largest(x: usize, end: usize): f32 {
  let most = f32x4.splat(-Infinity);
  let at = x;
  for (; at + 16 <= end; at += 16) most = f32x4.pmax(most, v128.load(at));
  for (; at < end; at += 4) most = f32x4.pmax(most, v128.load32_splat(at));
  return largestOfLanes(most);
}

/** The largest of four numbers. */
// @inline
export function largestOfLanes(x: v128): f32 {
  const low = max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1));
  return max(low, max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}

/** For each row of x [rows, n] its largest element m, and the sum of e^(x - m). */
export function expSums(x: usize, rows: i32, n: i32, maxima: usize, sums: usize): void {
  let at = x;
  for (let i: usize = 0; i < 4 * (rows as usize); i += 4) {
    const end = at + 4 * (n as usize);
    const most = largest(at, end);
    const m = f32x4.splat(most);
    let sum = f32x4.splat(0);
    for (; at + 64 <= end; at += 64) {
      sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at), m)));
      sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at, 16), m)));
      sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at, 32), m)));
      sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at, 48), m)));
    }
    for (; at + 16 <= end; at += 16) sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at), m)));
    let rest: f32 = 0;
    for (; at < end; at += 4) rest += f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(at), m)), 0);
    store<f32>(maxima + i, most);
    store<f32>(sums + i, sumOfLanes(sum) + rest);
  }
}

/** y = e^(x - m) of four elements. */
// @inline
function expAt(x: usize, y: usize, m: v128): v128 {
  const e = exp(f32x4.sub(v128.load(x), m));
  v128.store(y, e);
  return e;
}

/** y = f e^(x - m) / sum e^(x - m) for a row of `bytes` bytes whose largest element is m; y may be x. */
export function normalizedExp(x: usize, y: usize, bytes: usize, most: f32, factor: f32): void {
  const m = f32x4.splat(most);
  let sum = f32x4.splat(0);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    sum = f32x4.add(sum, expAt(x + at, y + at, m));
    sum = f32x4.add(sum, expAt(x + at + 16, y + at + 16, m));
    sum = f32x4.add(sum, expAt(x + at + 32, y + at + 32, m));
    sum = f32x4.add(sum, expAt(x + at + 48, y + at + 48, m));
  }
  for (; at + 16 <= bytes; at += 16) sum = f32x4.add(sum, expAt(x + at, y + at, m));
  let rest: f32 = 0;
  for (; at < bytes; at += 4) {
    const e = f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(x + at), m)), 0);
    rest += e;
    store<f32>(y + at, e);
  }
  const scale = f32x4.splat(factor / (sumOfLanes(sum) + rest));
  at = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(y + at, f32x4.mul(v128.load(y + at), scale));
  for (; at < bytes; at += 4) store<f32>(y + at, load<f32>(y + at) * f32x4.extract_lane(scale, 0));
}

/** y = f softmax(x) for each row of x [rows, n], with f [rows], or 1 where `factors` is 0. */
export function softmax(x: usize, y: usize, rows: i32, n: i32, factors: usize): void {
  const bytes: usize = 4 * (n as usize);
  for (let i: usize = 0; i < (rows as usize); i++) {
    const from = x + i * bytes;
    const factor: f32 = factors === 0 ? 1 : load<f32>(factors + 4 * i);
    normalizedExp(from, y + i * bytes, bytes, largest(from, from + bytes), factor);
  }
}
