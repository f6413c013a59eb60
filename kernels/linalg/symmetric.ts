/**
 * Products of a symmetric matrix with a vector, of which one triangle is looked at once; see src/ops/linalg/tridiagonal.ts.
 */

/**
 * One row of the triangle: the sum of its first n products with x, over even and over odd places, and `y += c row`.
 */
function dotAndAdd(row: usize, x: usize, y: usize, c: f64, n: i32): f64 {
  const factor = f64x2.splat(c);
  let s = f64x2.splat(0);
  const end = row + ((n as usize) << 3);
  while (row < end) {
    const r = v128.load(row);
    s = f64x2.add(s, f64x2.mul(r, v128.load(x)));
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(factor, r)));
    row += 16;
    x += 16;
    y += 16;
  }
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** The same for four rows, with one look at x and y; the sums go to `sums`. */
function dotAndAdd4(row: usize, step: usize, x: usize, y: usize, c: usize, n: i32, sums: usize): void {
  const row1 = row + step;
  const row2 = row1 + step;
  const row3 = row2 + step;
  const c0 = v128.load64_splat(c);
  const c1 = v128.load64_splat(c, 8);
  const c2 = v128.load64_splat(c, 16);
  const c3 = v128.load64_splat(c, 24);
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  const bytes = (n as usize) << 3;
  for (let at: usize = 0; at < bytes; at += 16) {
    const p = v128.load(x + at);
    let q = v128.load(y + at);
    let r = v128.load(row + at);
    s0 = f64x2.add(s0, f64x2.mul(r, p));
    q = f64x2.add(q, f64x2.mul(c0, r));
    r = v128.load(row1 + at);
    s1 = f64x2.add(s1, f64x2.mul(r, p));
    q = f64x2.add(q, f64x2.mul(c1, r));
    r = v128.load(row2 + at);
    s2 = f64x2.add(s2, f64x2.mul(r, p));
    q = f64x2.add(q, f64x2.mul(c2, r));
    r = v128.load(row3 + at);
    s3 = f64x2.add(s3, f64x2.mul(r, p));
    v128.store(y + at, f64x2.add(q, f64x2.mul(c3, r)));
  }
  store<f64>(sums, f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1));
  store<f64>(sums, f64x2.extract_lane(s1, 0) + f64x2.extract_lane(s1, 1), 8);
  store<f64>(sums, f64x2.extract_lane(s2, 0) + f64x2.extract_lane(s2, 1), 16);
  store<f64>(sums, f64x2.extract_lane(s3, 0) + f64x2.extract_lane(s3, 1), 24);
}

/** Room for the sums of four rows. */
const SUMS: usize = memory.data(32, 16);

/** `y = A x` for the leading n by n block of a symmetric matrix, of which the lower triangle's rows, `step` bytes apart, are read. */
export function symmetricProduct(a: usize, step: usize, n: i32, x: usize, y: usize): void {
  for (let i = 0; i < n; i += 4) {
    const rows = min(4, n - i);
    const row = a + (i as usize) * step;
    const at = (i as usize) << 3;
    if (rows === 4) dotAndAdd4(row, step, x, y, x + at, i, SUMS);
    else
      for (let r = 0; r < rows; r++) {
        const place = (r as usize) << 3;
        store<f64>(SUMS + place, dotAndAdd(row + (r as usize) * step, x, y, load<f64>(x + at + place), i));
      }
    for (let r = 0; r < rows; r++) {
      const from = row + (r as usize) * step + at;
      const xr = load<f64>(x + at + ((r as usize) << 3));
      let sum = load<f64>(SUMS + ((r as usize) << 3));
      for (let k = 0; k < r; k++) {
        const place = (k as usize) << 3;
        const entry = load<f64>(from + place);
        sum += entry * load<f64>(x + at + place);
        store<f64>(y + at + place, load<f64>(y + at + place) + xr * entry);
      }
      store<f64>(y + at + ((r as usize) << 3), sum + load<f64>(from + ((r as usize) << 3)) * xr);
    }
  }
}
