/**
 * Rows brought to a unit root mean square, with or without their mean taken off first, and the gradient.
 */
import { madd, save, sumOfLanes, take } from './vectors';

/** The mean of a row of n elements. */
function meanOf(x: usize, n: i32): f32 {
  const end = x + 4 * (n as usize);
  let sum = f32x4.splat(0);
  let rest: f32 = 0;
  let at = x;
  for (; at + 16 <= end; at += 16) sum = f32x4.add(sum, v128.load(at));
  for (; at < end; at += 4) rest += load<f32>(at);
  return (sumOfLanes(sum) + rest) / (n as f32);
}

/** 1 / sqrt(mean of (x - m)^2 + eps) of a row of n elements. */
function inverseDeviation(x: usize, n: i32, mean: f32, eps: f32): f32 {
  const end = x + 4 * (n as usize);
  const m = f32x4.splat(mean);
  let sum = f32x4.splat(0);
  let rest: f32 = 0;
  let at = x;
  for (; at + 16 <= end; at += 16) {
    const v = f32x4.sub(v128.load(at), m);
    sum = madd(sum, v, v);
  }
  for (; at < end; at += 4) {
    const v = load<f32>(at) - mean;
    rest += v * v;
  }
  return 1 / sqrt<f32>((sumOfLanes(sum) + rest) / (n as f32) + eps);
}

// @inline
function normalizeAt(whole: bool, x: usize, w: usize, b: usize, y: usize, m: v128, r: v128): void {
  const unit = f32x4.mul(f32x4.sub(take(whole, x), m), r);
  const scaled = f32x4.mul(unit, take(whole, w));
  save(whole, y, b === 0 ? scaled : f32x4.add(scaled, take(whole, b)));
}

/**
 * y = (x - m) r w + b for each row of x [rows, n], with r = 1 / sqrt(mean of (x - m)^2 + eps) and m the row's mean where `centred`,
 * else 0; w and b [n], and b = 0 for none.
 */
export function normalize(x: usize, w: usize, b: usize, y: usize, rows: i32, n: i32, eps: f32, centred: bool): void {
  const bytes: usize = 4 * (n as usize);
  for (let i: usize = 0; i < (rows as usize); i++) {
    const from = x + i * bytes;
    const to = y + i * bytes;
    const mean: f32 = centred ? meanOf(from, n) : 0;
    const m = f32x4.splat(mean);
    const r = f32x4.splat(inverseDeviation(from, n, mean, eps));
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) normalizeAt(true, from + at, w + at, b === 0 ? 0 : b + at, to + at, m, r);
    for (; at < bytes; at += 4) normalizeAt(false, from + at, w + at, b === 0 ? 0 : b + at, to + at, m, r);
  }
}

// @inline
function gradAt(whole: bool, dy: usize, x: usize, w: usize, dx: usize, m: v128, r: v128, c: v128, s: v128): void {
  const unit = f32x4.mul(f32x4.sub(take(whole, x), m), r);
  const g = f32x4.mul(take(whole, dy), take(whole, w));
  save(whole, dx, f32x4.mul(r, f32x4.sub(f32x4.sub(g, c), f32x4.mul(unit, s))));
}

/**
 * dx = r (g - c - u mean(g u)) with g = dy w, u = (x - m) r and c the mean of g where `centred`, else 0: the gradient of `normalize`.
 */
export function normalizeGrad(
  dy: usize,
  x: usize,
  w: usize,
  dx: usize,
  rows: i32,
  n: i32,
  eps: f32,
  centred: bool,
): void {
  const bytes: usize = 4 * (n as usize);
  for (let i: usize = 0; i < (rows as usize); i++) {
    const from = x + i * bytes;
    const slope = dy + i * bytes;
    const to = dx + i * bytes;
    const mean: f32 = centred ? meanOf(from, n) : 0;
    const r = inverseDeviation(from, n, mean, eps);
    const m = f32x4.splat(mean);
    let sum = f32x4.splat(0);
    let product = f32x4.splat(0);
    let restSum: f32 = 0;
    let restProduct: f32 = 0;
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) {
      const g = f32x4.mul(v128.load(slope + at), v128.load(w + at));
      sum = f32x4.add(sum, g);
      product = madd(product, g, f32x4.sub(v128.load(from + at), m));
    }
    for (; at < bytes; at += 4) {
      const g = load<f32>(slope + at) * load<f32>(w + at);
      restSum += g;
      restProduct += g * (load<f32>(from + at) - mean);
    }
    const c = f32x4.splat(centred ? (sumOfLanes(sum) + restSum) / (n as f32) : 0);
    const s = f32x4.splat((r * (sumOfLanes(product) + restProduct)) / (n as f32));
    const factor = f32x4.splat(r);
    at = 0;
    for (; at + 16 <= bytes; at += 16) gradAt(true, slope + at, from + at, w + at, to + at, m, factor, c, s);
    for (; at < bytes; at += 4) gradAt(false, slope + at, from + at, w + at, to + at, m, factor, c, s);
  }
}
