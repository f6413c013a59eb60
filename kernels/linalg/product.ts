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

/** Two entries that lie side by side. */
// @inline
function pair(single: bool, at: usize): v128 {
  return single ? f64x2.promote_low_f32x4(v128.load64_zero(at)) : v128.load(at);
}

/** One panel of up to 4 vectors as [k][4], zeros beyond the last one; entries `place` apart from vector to vector and `step` along it. */
function packRest(single: bool, from: usize, place: usize, step: usize, vectors: i32, depth: i32, to: usize): void {
  for (let k = 0; k < depth; k++) {
    let at = from;
    for (let v = 0; v < 4; v++) {
      store<f64>(to, v < vectors ? entry(single, at) : 0);
      at += place;
      to += 8;
    }
    from += step;
  }
}

/** Panels of vectors whose entries for one k lie side by side; two k at a time fill a cache line. */
// @inline
function packLines(single: bool, from: usize, step: usize, vectors: i32, depth: i32, to: usize): void {
  const panel = (depth as usize) << 5;
  const size: usize = single ? 4 : 8;
  const whole = vectors & ~3;
  let k = 0;
  for (; k + 2 <= depth; k += 2) {
    let at = from + (k as usize) * step;
    let place = to + ((k as usize) << 5);
    for (let v = 0; v < whole; v += 4) {
      v128.store(place, pair(single, at));
      v128.store(place, pair(single, at + 2 * size), 16);
      v128.store(place, pair(single, at + step), 32);
      v128.store(place, pair(single, at + step + 2 * size), 48);
      at += 4 * size;
      place += panel;
    }
  }
  if (k < depth) {
    let at = from + (k as usize) * step;
    let place = to + ((k as usize) << 5);
    for (let v = 0; v < whole; v += 4) {
      v128.store(place, pair(single, at));
      v128.store(place, pair(single, at + 2 * size), 16);
      at += 4 * size;
      place += panel;
    }
  }
  if (whole === vectors) return;
  const rest = to + ((whole >> 2) as usize) * panel;
  packRest(single, from + (whole as usize) * size, size, step, vectors - whole, depth, rest);
}

/** Panels of vectors that lie one after another, `place` bytes apart. */
// @inline
function packVectors(single: bool, from: usize, place: usize, vectors: i32, depth: i32, to: usize): void {
  const size: usize = single ? 4 : 8;
  let v = 0;
  for (; v + 4 <= vectors; v += 4) {
    let a = from + (v as usize) * place;
    let b = a + place;
    let c = b + place;
    let d = c + place;
    let k = 0;
    for (; k + 2 <= depth; k += 2) {
      const x = pair(single, a);
      const y = pair(single, b);
      const z = pair(single, c);
      const w = pair(single, d);
      v128.store(to, v128.shuffle<f64>(x, y, 0, 2));
      v128.store(to, v128.shuffle<f64>(z, w, 0, 2), 16);
      v128.store(to, v128.shuffle<f64>(x, y, 1, 3), 32);
      v128.store(to, v128.shuffle<f64>(z, w, 1, 3), 48);
      a += 2 * size;
      b += 2 * size;
      c += 2 * size;
      d += 2 * size;
      to += 64;
    }
    if (k < depth) {
      packRest(single, a, place, size, 4, 1, to);
      to += 32;
    }
  }
  if (v < vectors) packRest(single, from + (v as usize) * place, place, size, vectors - v, depth, to);
}

/** Packs one block of A; see `product`. */
// @inline
function packLeft(single: bool, a: usize, aRow: usize, aStep: usize, rows: i32, depth: i32): void {
  if (aRow < aStep) packLines(single, a, aStep, rows, depth, LEFT);
  else packVectors(single, a, aRow, rows, depth, LEFT);
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
      packLines(false, b + (k0 as usize) * bRow + shift, bRow, columns, depth, RIGHT);
      for (let i0 = 0; i0 < m; i0 += ROWS) {
        const rows = min(ROWS, m - i0);
        const from = a + (i0 as usize) * aRow + (k0 as usize) * aStep;
        if (single) packLeft(true, from, aRow, aStep, rows, depth);
        else packLeft(false, from, aRow, aStep, rows, depth);
        packedProduct(rows, columns, depth, c + (i0 as usize) * cRow + shift, cRow);
      }
    }
  }
}
