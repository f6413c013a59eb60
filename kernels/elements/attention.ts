/**
 * Weights of attention from scores, and their gradient, in place.
 */
import { largestOfLanes, normalizedExp } from './softmax';
import { save, sumOfLanes, take } from './vectors';

/** What a mask adds to hide a key is below this; the weight of such a key is exactly zero. */
const HIDDEN: f32 = -1e30;

/**
 * How many of n keys come up to the last that some row of a mask does not hide, rounded up to whole vectors; all where a row hides every
 * key, which then have equal weights. Rows are `step` bytes apart.
 */
export function seenKeys(mask: usize, step: usize, rows: i32, n: i32): i32 {
  let seen = 0;
  for (let i: usize = 0; i < (rows as usize); i++) {
    let j = n;
    while (j > seen && load<f32>(mask + i * step + 4 * ((j - 1) as usize)) < HIDDEN) j--;
    if (j > seen) seen = j;
    else if (hidesAll(mask + i * step, n)) return n;
  }
  return min(n, (seen + 3) & ~3);
}

function hidesAll(mask: usize, n: i32): bool {
  for (let j: usize = 0; j < (n as usize); j++) if (!(load<f32>(mask + 4 * j) < HIDDEN)) return false;
  return true;
}

// @inline
function scoreAt(whole: bool, s: usize, scale: v128, mask: usize): v128 {
  const scaled = f32x4.mul(take(whole, s), scale);
  const score = mask === 0 ? scaled : f32x4.add(scaled, take(whole, mask));
  save(whole, s, score);
  return score;
}

/** s = softmax(scale s + mask) for each row of s [rows, n]; rows of the mask are `step` bytes apart, and it is 0 where there is none. */
export function attend(s: usize, rows: i32, n: i32, scale: f32, mask: usize, step: usize): void {
  const bytes: usize = 4 * (n as usize);
  const factor = f32x4.splat(scale);
  for (let i: usize = 0; i < (rows as usize); i++) {
    const row = s + i * bytes;
    const hidden: usize = mask === 0 ? 0 : mask + i * step - row;
    let most = f32x4.splat(-Infinity);
    let at = row;
    for (; at + 16 <= row + bytes; at += 16)
      most = f32x4.pmax(most, scoreAt(true, at, factor, mask === 0 ? 0 : at + hidden));
    for (; at < row + bytes; at += 4) most = f32x4.pmax(most, scoreAt(false, at, factor, mask === 0 ? 0 : at + hidden));
    normalizedExp(row, row, bytes, largestOfLanes(most), 1);
  }
}

/** dp = scale p (dp - sum of p dp) for each row of p and dp [rows, n]: the gradient of scores whose softmax is p. */
export function attendGrad(p: usize, dp: usize, rows: i32, n: i32, scale: f32): void {
  const bytes: usize = 4 * (n as usize);
  const factor = f32x4.splat(scale);
  for (let i: usize = 0; i < (rows as usize); i++) {
    const from = p + i * bytes;
    const to = dp + i * bytes;
    let sum = f32x4.splat(0);
    let rest: f32 = 0;
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(from + at), v128.load(to + at)));
    for (; at < bytes; at += 4) rest += load<f32>(from + at) * load<f32>(to + at);
    const mean = f32x4.splat(sumOfLanes(sum) + rest);
    at = 0;
    for (; at + 16 <= bytes; at += 16) scoreGradAt(true, from + at, to + at, mean, factor);
    for (; at < bytes; at += 4) scoreGradAt(false, from + at, to + at, mean, factor);
  }
}

// @inline
function scoreGradAt(whole: bool, p: usize, dp: usize, mean: v128, factor: v128): void {
  const weight = f32x4.mul(take(whole, p), factor);
  save(whole, dp, f32x4.mul(weight, f32x4.sub(take(whole, dp), mean)));
}
