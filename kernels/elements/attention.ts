/**
 * Weights of attention from scores, and their gradient, in place.
 */
import { largestOfLanes, normalizedExp } from './softmax';
import { madd, save, sumOfLanes, take } from './vectors';

/** What a mask adds to hide a key is below this; the weight of such a key is exactly zero. */
const HIDDEN: f32 = -1e30;

/** Keys are taken by so many: four vectors, whose exponentials do not wait for each other. */
const KEYS: i32 = 16;

/**
 * How many of n keys come up to the last that a row of a mask does not hide, rounded up to a multiple of `KEYS`; all where it hides every
 * key, which then have equal weights.
 */
function seenOfRow(mask: usize, n: i32): i32 {
  const hidden = f32x4.splat(HIDDEN);
  let j = n;
  for (; j & 3; j--) if (!(load<f32>(mask + 4 * ((j - 1) as usize)) < HIDDEN)) return n;
  while (j > 0 && i32x4.all_true(f32x4.lt(v128.load(mask + 4 * ((j - 4) as usize)), hidden))) j -= 4;
  return j > 0 ? min(n, (j + KEYS - 1) & -KEYS) : n;
}

/** How many of n keys the row of a mask sees that sees most; rows are `step` bytes apart. */
export function seenKeys(mask: usize, step: usize, rows: i32, n: i32): i32 {
  let seen = 0;
  for (let i: usize = 0; i < (rows as usize) && seen < n; i++) seen = max(seen, seenOfRow(mask + i * step, n));
  return seen;
}

/** s = scale s + mask of four elements, or one. */
// @inline
function scoreAt(whole: bool, s: usize, scale: v128, masked: bool, mask: usize): v128 {
  const score = masked ? madd(take(whole, mask), take(whole, s), scale) : f32x4.mul(take(whole, s), scale);
  save(whole, s, score);
  return score;
}

/** s = scale s + mask of a row, and the largest. */
// @inline
function scores(s: usize, bytes: usize, scale: f32, masked: bool, mask: usize): f32 {
  const factor = f32x4.splat(scale);
  let most = f32x4.splat(-Infinity);
  let other = most;
  let at: usize = 0;
  for (; at + 32 <= bytes; at += 32) {
    most = f32x4.pmax(most, scoreAt(true, s + at, factor, masked, mask + at));
    other = f32x4.pmax(other, scoreAt(true, s + at + 16, factor, masked, mask + at + 16));
  }
  most = f32x4.pmax(most, other);
  for (; at < bytes; at += 4) most = f32x4.pmax(most, scoreAt(false, s + at, factor, masked, mask + at));
  return largestOfLanes(most);
}

/**
 * s = softmax(scale s + mask) for each row of s [rows, n], in place; rows of the mask are `step` bytes apart, and it is 0 where there is none.
 * What a row does not see at its end is no part of its sums, and zero.
 */
export function attend(s: usize, rows: i32, n: i32, scale: f32, mask: usize, step: usize): void {
  for (let i: usize = 0; i < (rows as usize); i++) {
    const row = s + 4 * i * (n as usize);
    const added = mask + i * step;
    const seen = mask === 0 ? n : seenOfRow(added, n);
    const bytes = 4 * (seen as usize);
    const most = mask === 0 ? scores(row, bytes, scale, false, 0) : scores(row, bytes, scale, true, added);
    normalizedExp(row, row, bytes, most, 1);
    // memory.fill is a call
    const end = row + 4 * (n as usize);
    let at = row + bytes;
    for (; at + 16 <= end; at += 16) v128.store(at, f32x4.splat(0));
    for (; at < end; at += 4) store<f32>(at, 0);
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
    for (; at + 16 <= bytes; at += 16) sum = madd(sum, v128.load(from + at), v128.load(to + at));
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
