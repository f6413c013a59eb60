/**
 * Rows moved, and functions of elements and rows, for float32 tensors in an imported memory.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Sums over a row have four parts,
 * one for each lane, so that they are the same on every machine; there are no fused multiply-adds.
 */

/** Below this, exp is taken to be zero: float32's subnormal numbers begin at -87.3. */
const LEAST: f32 = -86.6;

/** 1.5 times 2^23: float32 has no fractions beyond. */
const ROUNDING: f32 = 12582912;

/** e^x by Cody and Waite's reduction and a polynomial of degree 5 on [-ln 2 / 2, ln 2 / 2]; at most 2^127, relative error about 1e-7. */
// @inline
function exp(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, f32x4.splat(LEAST)), f32x4.splat(88.37));
  // the sum rounds to whole numbers, which stand in its last bits
  const whole = f32x4.add(f32x4.mul(v, f32x4.splat(Mathf.LOG2E)), f32x4.splat(ROUNDING));
  const n = f32x4.sub(whole, f32x4.splat(ROUNDING));
  // ln 2 in two parts, the first with zeros at its end
  const high = f32x4.sub(v, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(high, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const e = v128.andnot(i32x4.add(p, i32x4.shl(whole, 23)), f32x4.lt(x, f32x4.splat(LEAST)));
  return v128.bitselect(e, x, f32x4.eq(x, x)); // NaN stays
}

/** Four elements, or one that the others repeat at the end of a row. */
// @inline
function take(whole: bool, at: usize): v128 {
  return whole ? v128.load(at) : v128.load32_splat(at);
}

// @inline
function save(whole: bool, at: usize, x: v128): void {
  if (whole) v128.store(at, x);
  else v128.store_lane<f32>(at, x, 0);
}

// @inline
function sumOfLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** Copies `count` rows of `bytes` bytes; a step is the distance from row to row. */
export function copyRows(from: usize, fromStep: usize, to: usize, toStep: usize, bytes: usize, count: i32): void {
  let source = from;
  let target = to;
  for (let i = 0; i < count; i++) {
    if (bytes > 512) memory.copy(target, source, bytes);
    else {
      let at: usize = 0;
      for (; at + 16 <= bytes; at += 16) v128.store(target + at, v128.load(source + at));
      for (; at + 4 <= bytes; at += 4) store<u32>(target + at, load<u32>(source + at));
      for (; at < bytes; at++) store<u8>(target + at, load<u8>(source + at));
    }
    source += fromStep;
    target += toStep;
  }
}

/** The largest element of a row. */
function largest(x: usize, end: usize): f32 {
  let most = f32x4.splat(-Infinity);
  let at = x;
  for (; at + 16 <= end; at += 16) most = f32x4.pmax(most, v128.load(at));
  for (; at < end; at += 4) most = f32x4.pmax(most, v128.load32_splat(at));
  const low = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  return max(low, max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
}

/** For each row of x [rows, n] its largest element m, and the sum of e^(x - m). */
export function expSums(x: usize, rows: i32, n: i32, maxima: usize, sums: usize): void {
  let at = x;
  for (let i: usize = 0; i < 4 * (rows as usize); i += 4) {
    const end = at + 4 * (n as usize);
    const most = largest(at, end);
    const m = f32x4.splat(most);
    let sum = f32x4.splat(0);
    for (; at + 16 <= end; at += 16) sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at), m)));
    let rest: f32 = 0;
    for (; at < end; at += 4) rest += f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(at), m)), 0);
    store<f32>(maxima + i, most);
    store<f32>(sums + i, sumOfLanes(sum) + rest);
  }
}

/** y = f softmax(x) for each row of x [rows, n], with f [rows], or 1 where `factors` is 0. */
export function softmax(x: usize, y: usize, rows: i32, n: i32, factors: usize): void {
  let from = x;
  let to = y;
  for (let i: usize = 0; i < (rows as usize); i++) {
    const end = from + 4 * (n as usize);
    const first = to;
    const m = f32x4.splat(largest(from, end));
    let sum = f32x4.splat(0);
    for (; from + 16 <= end; from += 16) {
      const e = exp(f32x4.sub(v128.load(from), m));
      sum = f32x4.add(sum, e);
      v128.store(to, e);
      to += 16;
    }
    let rest: f32 = 0;
    for (; from < end; from += 4) {
      const e = f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(from), m)), 0);
      rest += e;
      store<f32>(to, e);
      to += 4;
    }
    const factor: f32 = factors === 0 ? 1 : load<f32>(factors + 4 * i);
    const scale = f32x4.splat(factor / (sumOfLanes(sum) + rest));
    let at = first;
    for (; at + 16 <= to; at += 16) v128.store(at, f32x4.mul(v128.load(at), scale));
    for (; at < to; at += 4) store<f32>(at, load<f32>(at) * f32x4.extract_lane(scale, 0));
  }
}

// @inline
function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}

// @inline
function siluAt(whole: bool, x: usize, y: usize): void {
  const v = take(whole, x);
  save(whole, y, f32x4.mul(v, sigmoid(v)));
}

/** y = x sigmoid(x) for n elements. */
export function silu(x: usize, y: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) siluAt(true, x + at, y + at);
  for (; at < bytes; at += 4) siluAt(false, x + at, y + at);
}

// @inline
function siluGradAt(whole: bool, dy: usize, x: usize, dx: usize): void {
  const v = take(whole, x);
  const s = sigmoid(v);
  const one = f32x4.splat(1);
  const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(v, f32x4.sub(one, s))));
  save(whole, dx, f32x4.mul(take(whole, dy), slope));
}

/** dx = dy s (1 + x (1 - s)), s = sigmoid(x), for n elements. */
export function siluGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) siluGradAt(true, dy + at, x + at, dx + at);
  for (; at < bytes; at += 4) siluGradAt(false, dy + at, x + at, dx + at);
}
