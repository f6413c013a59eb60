/**
 * Steps of a symmetric matrix to tridiagonal form and of that to its eigenvalues; see src/ops/linalg/tridiagonal.ts.
 */

/** The sum of a row's products with x, as `dot`, and `y += c row` with one look at the row. */
function dotAndAdd(row: usize, x: usize, y: usize, c: f64, n: i32): f64 {
  const factor = f64x2.splat(c);
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  const whole = row + (((n >> 3) as usize) << 6);
  const end = row + ((n as usize) << 3);
  while (row < whole) {
    let r = v128.load(row);
    s0 = f64x2.add(s0, f64x2.mul(r, v128.load(x)));
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(factor, r)));
    r = v128.load(row, 16);
    s1 = f64x2.add(s1, f64x2.mul(r, v128.load(x, 16)));
    v128.store(y, f64x2.add(v128.load(y, 16), f64x2.mul(factor, r)), 16);
    r = v128.load(row, 32);
    s2 = f64x2.add(s2, f64x2.mul(r, v128.load(x, 32)));
    v128.store(y, f64x2.add(v128.load(y, 32), f64x2.mul(factor, r)), 32);
    r = v128.load(row, 48);
    s3 = f64x2.add(s3, f64x2.mul(r, v128.load(x, 48)));
    v128.store(y, f64x2.add(v128.load(y, 48), f64x2.mul(factor, r)), 48);
    row += 64;
    x += 64;
    y += 64;
  }
  const s = f64x2.add(f64x2.add(s0, s2), f64x2.add(s1, s3));
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  while (row < end) {
    const r = load<f64>(row);
    sum += r * load<f64>(x);
    store<f64>(y, load<f64>(y) + c * r);
    row += 8;
    x += 8;
    y += 8;
  }
  return sum;
}

/** `y = A x` for the leading n by n block of a symmetric matrix, of which the lower triangle's rows, `step` bytes apart, are read. */
export function symmetricProduct(a: usize, step: usize, n: i32, x: usize, y: usize): void {
  memory.fill(y, 0, (n as usize) << 3);
  for (let i = 0; i < n; i++) {
    const at = (i as usize) << 3;
    const xi = load<f64>(x + at);
    const sum = dotAndAdd(a, x, y, xi, i);
    store<f64>(y + at, sum + load<f64>(a + at) * xi);
    a += step;
  }
}

/** `A -= v p^T + p v^T` for the lower triangle of the same. */
export function symmetricUpdate(a: usize, step: usize, n: i32, v: usize, p: usize): void {
  for (let k = 0; k < n; k++) {
    const vk = -load<f64>(v + ((k as usize) << 3));
    const pk = -load<f64>(p + ((k as usize) << 3));
    const dv = f64x2.splat(vk);
    const dp = f64x2.splat(pk);
    const whole = a + ((((k + 1) >> 1) as usize) << 4);
    const end = a + (((k + 1) as usize) << 3);
    let to = a;
    let x = p;
    let y = v;
    while (to < whole) {
      const first = f64x2.add(v128.load(to), f64x2.mul(dv, v128.load(x)));
      v128.store(to, f64x2.add(first, f64x2.mul(dp, v128.load(y))));
      to += 16;
      x += 16;
      y += 16;
    }
    if (to < end) store<f64>(to, load<f64>(to) + vk * load<f64>(x) + pk * load<f64>(y));
    a += step;
  }
}

/**
 * Chains of rotations of the rows of Z, `step` bytes apart: in each, rows i and i + 1 for i = first, first - 1, ..., as `rotate` has it.
 *
 * Eight columns at a time go through all chains, so that they stay in the cache.
 *
 * @param chains pairs (first, count), 32 bit integers each
 * @param angles (c, s) of all rotations one after another
 * @param strip room for 8 n numbers
 */
export function rotateChains(
  Z: usize,
  step: usize,
  n: i32,
  columns: i32,
  chains: usize,
  count: i32,
  angles: usize,
  strip: usize,
): void {
  for (let column = 0; column < columns; column += 8) {
    const bytes = (min(8, columns - column) as usize) << 3;
    const from = Z + ((column as usize) << 3);
    for (let i = 0; i < n; i++) memory.copy(strip + ((i as usize) << 6), from + (i as usize) * step, bytes);
    let angle = angles;
    for (let chain = 0; chain < count; chain++) {
      const at = chains + ((chain as usize) << 3);
      const last = angle + (load<u32>(at, 4) << 4);
      let row = strip + (load<u32>(at) << 6);
      let q0 = v128.load(row, 64);
      let q1 = v128.load(row, 80);
      let q2 = v128.load(row, 96);
      let q3 = v128.load(row, 112);
      while (angle < last) {
        const c = v128.load64_splat(angle);
        const s = v128.load64_splat(angle, 8);
        let p = v128.load(row);
        v128.store(row, f64x2.add(f64x2.mul(s, p), f64x2.mul(c, q0)), 64);
        q0 = f64x2.sub(f64x2.mul(c, p), f64x2.mul(s, q0));
        p = v128.load(row, 16);
        v128.store(row, f64x2.add(f64x2.mul(s, p), f64x2.mul(c, q1)), 80);
        q1 = f64x2.sub(f64x2.mul(c, p), f64x2.mul(s, q1));
        p = v128.load(row, 32);
        v128.store(row, f64x2.add(f64x2.mul(s, p), f64x2.mul(c, q2)), 96);
        q2 = f64x2.sub(f64x2.mul(c, p), f64x2.mul(s, q2));
        p = v128.load(row, 48);
        v128.store(row, f64x2.add(f64x2.mul(s, p), f64x2.mul(c, q3)), 112);
        q3 = f64x2.sub(f64x2.mul(c, p), f64x2.mul(s, q3));
        row -= 64;
        angle += 16;
      }
      v128.store(row, q0, 64);
      v128.store(row, q1, 80);
      v128.store(row, q2, 96);
      v128.store(row, q3, 112);
    }
    for (let i = 0; i < n; i++) memory.copy(from + (i as usize) * step, strip + ((i as usize) << 6), bytes);
  }
}
