/**
 * Loops of dense linear algebra in float64, two numbers at a time.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Vectors are places in memory with a number
 * of entries. No fused multiply-add, and each sum in one stated order, so that results are the same on every machine and as those of
 * src/ops/linalg/vectors.ts.
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

/**
 * One sweep of one-sided Jacobi rotations over all pairs of n rows of length n, `rows` and, with them, `J`; see
 * src/ops/linalg/jacobi.ts.
 *
 * @param squares room for n numbers
 * @returns how many pairs were rotated
 */
export function sweep(rows: usize, J: usize, squares: usize, n: i32, tolerance: f64): i32 {
  const step = (n as usize) << 3;
  let rotated: i32 = 0;
  for (let i = 0; i < n; i++) {
    const x = rows + (i as usize) * step;
    store<f64>(squares + ((i as usize) << 3), dot(x, x, n));
  }
  for (let i = 0; i < n - 1; i++) {
    const x = rows + (i as usize) * step;
    const squareX = squares + ((i as usize) << 3);
    for (let j = i + 1; j < n; j++) {
      const y = rows + (j as usize) * step;
      const squareY = squares + ((j as usize) << 3);
      const product = dot(x, y, n);
      const a = load<f64>(squareX);
      const b = load<f64>(squareY);
      if (!(Math.abs(product) > tolerance * Math.sqrt(a * b))) continue;
      rotated++;
      const cot = (b - a) / (2 * product);
      const tan = (cot < 0 ? -1.0 : 1.0) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
      const cos = 1 / Math.sqrt(1 + tan * tan);
      const sin = cos * tan;
      rotate(x, y, cos, sin, n);
      rotate(J + (i as usize) * step, J + (j as usize) * step, cos, sin, n);
      const nextX = a - tan * product;
      const nextY = b + tan * product;
      store<f64>(squareX, nextX > 0.1 * a ? nextX : dot(x, x, n));
      store<f64>(squareY, nextY > 0.1 * b ? nextY : dot(y, y, n));
    }
  }
  return rotated;
}

/** Rows of A and columns of B that are packed at a time, and how many products of a sum. */
const ROWS: i32 = 64;
const COLUMNS: i32 = 512;
const DEPTH: i32 = 256;

/** Room for packed rows, for packed columns, and for one block at the edge, which has fewer rows or columns than others. */
const LEFT: usize = memory.data(64 * 256 * 8, 16);
const RIGHT: usize = memory.data(512 * 256 * 8, 16);
const EDGE: usize = memory.data(128, 16);

// @inline
function entry(single: bool, at: usize): f64 {
  return single ? (load<f32>(at) as f64) : load<f64>(at);
}

/** Four rows of A as [k][4], zeros beyond the last one. */
function packRows(single: bool, a: usize, rowStep: usize, step: usize, rows: i32, depth: i32, to: usize): void {
  for (let r = 0; r < 4; r++) {
    let from = a + (r as usize) * rowStep;
    let at = to + ((r as usize) << 3);
    for (let k = 0; k < depth; k++) {
      store<f64>(at, r < rows ? entry(single, from) : 0);
      from += step;
      at += 32;
    }
  }
}

/** Four columns of B as [k][4], zeros beyond the last one. */
function packColumns(b: usize, step: usize, columns: i32, depth: i32, to: usize): void {
  for (let k = 0; k < depth; k++) {
    if (columns >= 4) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
    } else {
      for (let c = 0; c < 4; c++)
        store<f64>(to + ((c as usize) << 3), c < columns ? load<f64>(b + ((c as usize) << 3)) : 0);
    }
    b += step;
    to += 32;
  }
}

/** C += A B for 4 rows, 4 columns and packed A and B. */
function block(c: usize, step: usize, a: usize, b: usize, depth: i32): void {
  const c1 = c + step;
  const c2 = c1 + step;
  const c3 = c2 + step;
  let p0 = v128.load(c);
  let q0 = v128.load(c, 16);
  let p1 = v128.load(c1);
  let q1 = v128.load(c1, 16);
  let p2 = v128.load(c2);
  let q2 = v128.load(c2, 16);
  let p3 = v128.load(c3);
  let q3 = v128.load(c3, 16);
  const end = a + ((depth as usize) << 5);
  while (a < end) {
    const x = v128.load(b);
    const y = v128.load(b, 16);
    let s = v128.load64_splat(a);
    p0 = f64x2.add(p0, f64x2.mul(s, x));
    q0 = f64x2.add(q0, f64x2.mul(s, y));
    s = v128.load64_splat(a, 8);
    p1 = f64x2.add(p1, f64x2.mul(s, x));
    q1 = f64x2.add(q1, f64x2.mul(s, y));
    s = v128.load64_splat(a, 16);
    p2 = f64x2.add(p2, f64x2.mul(s, x));
    q2 = f64x2.add(q2, f64x2.mul(s, y));
    s = v128.load64_splat(a, 24);
    p3 = f64x2.add(p3, f64x2.mul(s, x));
    q3 = f64x2.add(q3, f64x2.mul(s, y));
    a += 32;
    b += 32;
  }
  v128.store(c, p0);
  v128.store(c, q0, 16);
  v128.store(c1, p1);
  v128.store(c1, q1, 16);
  v128.store(c2, p2);
  v128.store(c2, q2, 16);
  v128.store(c3, p3);
  v128.store(c3, q3, 16);
}

/** The block of C at an edge, through room of its own. */
function edgeBlock(c: usize, step: usize, rows: i32, columns: i32, a: usize, b: usize, depth: i32): void {
  memory.fill(EDGE, 0, 128);
  const bytes = (columns as usize) << 3;
  for (let r = 0; r < rows; r++) memory.copy(EDGE + ((r as usize) << 5), c + (r as usize) * step, bytes);
  block(EDGE, 32, a, b, depth);
  for (let r = 0; r < rows; r++) memory.copy(c + (r as usize) * step, EDGE + ((r as usize) << 5), bytes);
}

/** Packs one block of B; see `product`. */
function packRight(b: usize, bRow: usize, columns: i32, depth: i32): void {
  const panel = (depth as usize) << 5;
  for (let j = 0; j < columns; j += 4) {
    packColumns(b + ((j as usize) << 3), bRow, columns - j, depth, RIGHT + ((j >> 2) as usize) * panel);
  }
}

/** The part of a product with packed rows and columns; see `product`. */
function packedProduct(rows: i32, columns: i32, depth: i32, c: usize, cRow: usize): void {
  const panel = (depth as usize) << 5;
  for (let j = 0; j < columns; j += 4) {
    const right = RIGHT + ((j >> 2) as usize) * panel;
    for (let i = 0; i < rows; i += 4) {
      const left = LEFT + ((i >> 2) as usize) * panel;
      const to = c + (i as usize) * cRow + ((j as usize) << 3);
      if (columns - j >= 4 && rows - i >= 4) block(to, cRow, left, right, depth);
      else edgeBlock(to, cRow, min(4, rows - i), min(4, columns - j), left, right, depth);
    }
  }
}

/**
 * `C += A B`, each entry's sum in the order of k, beginning with what C holds.
 *
 * @param single A is float32; B and C are float64
 * @param aRow, aStep bytes from row to row of A and from entry to entry of a row
 * @param bRow, cRow bytes from row to row, whose entries lie side by side
 */
export function product(
  single: bool,
  m: i32,
  k: i32,
  n: i32,
  a: usize,
  aRow: usize,
  aStep: usize,
  b: usize,
  bRow: usize,
  c: usize,
  cRow: usize,
): void {
  for (let j0 = 0; j0 < n; j0 += COLUMNS) {
    const columns = min(COLUMNS, n - j0);
    const shift = (j0 as usize) << 3;
    for (let k0 = 0; k0 < k; k0 += DEPTH) {
      const depth = min(DEPTH, k - k0);
      const panel = (depth as usize) << 5;
      packRight(b + (k0 as usize) * bRow + shift, bRow, columns, depth);
      for (let i0 = 0; i0 < m; i0 += ROWS) {
        const rows = min(ROWS, m - i0);
        const from = a + (i0 as usize) * aRow + (k0 as usize) * aStep;
        for (let i = 0; i < rows; i += 4) {
          packRows(
            single,
            from + (i as usize) * aRow,
            aRow,
            aStep,
            rows - i,
            depth,
            LEFT + ((i >> 2) as usize) * panel,
          );
        }
        packedProduct(rows, columns, depth, c + (i0 as usize) * cRow + shift, cRow);
      }
    }
  }
}

/** Where free memory begins. */
export function heapBase(): usize {
  return __heap_base;
}
