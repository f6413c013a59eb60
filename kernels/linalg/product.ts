/**
 * Products of matrices: packed panels of 4 rows and of 4 columns, whose blocks of 4 by 4 stay in registers.
 */

/** Rows of A and columns of B that are packed at a time, and how many products of a sum. */
const ROWS: i32 = 64;
const COLUMNS: i32 = 512;
const DEPTH: i32 = 256;

/** Up to this many products of a sum C takes more of the time than what is packed. */
const SHALLOW: i32 = 64;

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

/** The same for rows whose entries lie side by side from row to row: all of a block at once, so that each line of memory is read once. */
function packTransposed(single: bool, a: usize, step: usize, rows: i32, depth: i32): void {
  const panel = (depth as usize) << 5;
  const size: usize = single ? 4 : 8;
  const whole = (rows + 3) & ~3;
  for (let k = 0; k < depth; k++) {
    let from = a;
    for (let i = 0; i < whole; i++) {
      const to = LEFT + ((i >> 2) as usize) * panel + ((k as usize) << 5) + (((i & 3) as usize) << 3);
      store<f64>(to, i < rows ? entry(single, from) : 0);
      from += size;
    }
    a += step;
  }
}

/** Packs one block of A; see `product`. */
function packLeft(single: bool, a: usize, aRow: usize, aStep: usize, rows: i32, depth: i32): void {
  if (aRow < aStep) {
    packTransposed(single, a, aStep, rows, depth);
    return;
  }
  const panel = (depth as usize) << 5;
  for (let i = 0; i < rows; i += 4) {
    packRows(single, a + (i as usize) * aRow, aRow, aStep, rows - i, depth, LEFT + ((i >> 2) as usize) * panel);
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

/** The block of C from row i and column j on. */
// @inline
function blockAt(rows: i32, columns: i32, depth: i32, i: i32, j: i32, c: usize, cRow: usize): void {
  const panel = (depth as usize) << 5;
  const left = LEFT + ((i >> 2) as usize) * panel;
  const right = RIGHT + ((j >> 2) as usize) * panel;
  const to = c + (i as usize) * cRow + ((j as usize) << 3);
  if (columns - j >= 4 && rows - i >= 4) block(to, cRow, left, right, depth);
  else edgeBlock(to, cRow, min(4, rows - i), min(4, columns - j), left, right, depth);
}

/**
 * The part of a product with packed rows and columns; see `product`.
 *
 * What is packed is read again and again where it is deep, and C where it is not, so that one goes down columns and the other along rows.
 */
function packedProduct(rows: i32, columns: i32, depth: i32, c: usize, cRow: usize): void {
  if (depth > SHALLOW) {
    for (let j = 0; j < columns; j += 4) for (let i = 0; i < rows; i += 4) blockAt(rows, columns, depth, i, j, c, cRow);
  } else {
    for (let i = 0; i < rows; i += 4) for (let j = 0; j < columns; j += 4) blockAt(rows, columns, depth, i, j, c, cRow);
  }
}

/**
 * `C += A B`, each entry's sum in the order of k, beginning with what C holds.
 *
 * @param single A is float32; B and C are float64
 * @param aRow, aStep bytes from row to row of A and from entry to entry of a row, one of which is the size of an entry
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
      packRight(b + (k0 as usize) * bRow + shift, bRow, columns, depth);
      for (let i0 = 0; i0 < m; i0 += ROWS) {
        const rows = min(ROWS, m - i0);
        const from = a + (i0 as usize) * aRow + (k0 as usize) * aStep;
        packLeft(single, from, aRow, aStep, rows, depth);
        packedProduct(rows, columns, depth, c + (i0 as usize) * cRow + shift, cRow);
      }
    }
  }
}
