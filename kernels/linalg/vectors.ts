/**
 * Loops over vectors: places in memory with a number of entries.
 */

/** Sums over entries 0, 8, ..., over 1, 9, ..., and so on, then ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), then the rest one by one. */
export function dot(x: usize, y: usize, n: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  const whole = x + (((n >> 3) as usize) << 6);
  const end = x + ((n as usize) << 3);
  while (x < whole) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(x), v128.load(y)));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(x, 16), v128.load(y, 16)));
    s2 = f64x2.add(s2, f64x2.mul(v128.load(x, 32), v128.load(y, 32)));
    s3 = f64x2.add(s3, f64x2.mul(v128.load(x, 48), v128.load(y, 48)));
    x += 64;
    y += 64;
  }
  const s = f64x2.add(f64x2.add(s0, s2), f64x2.add(s1, s3));
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  while (x < end) {
    sum += load<f64>(x) * load<f64>(y);
    x += 8;
    y += 8;
  }
  return sum;
}

/** `y += c x`. */
export function addScaled(y: usize, c: f64, x: usize, n: i32): void {
  const factor = f64x2.splat(c);
  const whole = x + (((n >> 2) as usize) << 5);
  const end = x + ((n as usize) << 3);
  while (x < whole) {
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(factor, v128.load(x))));
    v128.store(y, f64x2.add(v128.load(y, 16), f64x2.mul(factor, v128.load(x, 16))), 16);
    x += 32;
    y += 32;
  }
  while (x < end) {
    store<f64>(y, load<f64>(y) + c * load<f64>(x));
    x += 8;
    y += 8;
  }
}

/** `(x, y) <- (c x - s y, s x + c y)`. */
export function rotate(x: usize, y: usize, c: f64, s: f64, n: i32): void {
  const cos = f64x2.splat(c);
  const sin = f64x2.splat(s);
  const whole = x + (((n >> 1) as usize) << 4);
  while (x < whole) {
    const p = v128.load(x);
    const q = v128.load(y);
    v128.store(x, f64x2.sub(f64x2.mul(cos, p), f64x2.mul(sin, q)));
    v128.store(y, f64x2.add(f64x2.mul(sin, p), f64x2.mul(cos, q)));
    x += 16;
    y += 16;
  }
  if ((n & 1) !== 0) {
    const p = load<f64>(x);
    const q = load<f64>(y);
    store<f64>(x, c * p - s * q);
    store<f64>(y, s * p + c * q);
  }
}

/** `x -= tau (v^T x) v` for `count` vectors of n entries, `step` bytes apart. */
export function reflect(v: usize, tau: f64, x: usize, step: usize, count: i32, n: i32): void {
  for (let j = 0; j < count; j++) {
    addScaled(x, -(tau * dot(v, x, n)), v, n);
    x += step;
  }
}
