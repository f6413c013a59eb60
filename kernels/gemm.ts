/**
 * C = op(A) op(B), or C += op(A) op(B), for float32 matrices in an imported memory.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Every element is one sum over
 * k = 0, 1, ... in float32, from zero or from C: blocks and tiles do not show in the result, nor does the place of an element in
 * its matrix. The plain build rounds each product; the relaxed one may use fused multiply-adds, and is not the same everywhere.
 *
 * The form is Goto and van de Geijn's (Anatomy of high-performance matrix multiplication, 2008): blocks of B that fit the second
 * cache and blocks of A are packed in panels, [column / 8][k][8] and [row / 6][k][6], so that the loop over k reads on and on.
 *
 * The memory is another module's. Nothing is kept in it but in the workspace that the caller gives.
 */

/** Rows and columns of a tile: its sums are 12 of the 16 vector registers of x86-64. */
const TILE_ROWS: i32 = 6;
const TILE_COLUMNS: i32 = 8;

/** Block sizes: rows of A, columns of B, and k of both. */
const BLOCK_ROWS: i32 = 96;
const BLOCK_COLUMNS: i32 = 1024;
const BLOCK_K: i32 = 256;

/** Up to this many rows are multiplied one by one, without packing. */
const FEW_ROWS: i32 = 3;

const TILE_BYTES: usize = 4 * TILE_ROWS * TILE_COLUMNS;
const A_BYTES: usize = 4 * BLOCK_ROWS * BLOCK_K;
const B_BYTES: usize = 4 * BLOCK_COLUMNS * BLOCK_K;

/** Bytes of the workspace: a tile, a block of A, a block of B. */
export function workspaceBytes(): usize {
  return TILE_BYTES + A_BYTES + B_BYTES;
}

// @inline
function madd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** Packs rows [0, rows) and k [0, depth) in panels of `width` rows; element (i, k) lies at from + i * step + k * kStep. */
// @inline
function pack(width: i32, from: usize, step: usize, kStep: usize, rows: i32, depth: i32, packed: usize): void {
  let to = packed;
  for (let i = 0; i < rows; i += width) {
    const count = min(width, rows - i);
    const panel = from + (i as usize) * step;
    if (count < width) memory.fill(to, 0, 4 * (width as usize) * (depth as usize));
    if (step === 4 && count === width) {
      let at = panel;
      for (let k = 0; k < depth; k++) {
        v128.store(to, v128.load(at));
        if (width === 8) v128.store(to, v128.load(at, 16), 16);
        else store<u64>(to, load<u64>(at, 16), 16);
        at += kStep;
        to += 4 * (width as usize);
      }
    } else if (count === width) {
      const second = panel + step;
      const third = second + step;
      const fourth = third + step;
      const fifth = fourth + step;
      const sixth = fifth + step;
      let at: usize = 0;
      for (let k = 0; k < depth; k++) {
        store<u32>(to, load<u32>(panel + at));
        store<u32>(to, load<u32>(second + at), 4);
        store<u32>(to, load<u32>(third + at), 8);
        store<u32>(to, load<u32>(fourth + at), 12);
        store<u32>(to, load<u32>(fifth + at), 16);
        store<u32>(to, load<u32>(sixth + at), 20);
        if (width === 8) {
          store<u32>(to, load<u32>(sixth + step + at), 24);
          store<u32>(to, load<u32>(sixth + 2 * step + at), 28);
        }
        at += kStep;
        to += 4 * (width as usize);
      }
    } else {
      for (let k = 0; k < depth; k++) {
        for (let n = 0; n < count; n++)
          store<u32>(to + 4 * (n as usize), load<u32>(panel + (n as usize) * step + (k as usize) * kStep));
        to += 4 * (width as usize);
      }
    }
  }
}

/** C (+)= A B for one tile: a and b are panels, `step` the bytes from row to row of C. */
function tile(depth: i32, a: usize, b: usize, c: usize, step: usize, accumulate: bool): void {
  const c1 = c + step;
  const c2 = c1 + step;
  const c3 = c2 + step;
  const c4 = c3 + step;
  const c5 = c4 + step;
  let p0 = f32x4.splat(0);
  let q0 = p0;
  let p1 = p0;
  let q1 = p0;
  let p2 = p0;
  let q2 = p0;
  let p3 = p0;
  let q3 = p0;
  let p4 = p0;
  let q4 = p0;
  let p5 = p0;
  let q5 = p0;
  if (accumulate) {
    p0 = v128.load(c);
    q0 = v128.load(c, 16);
    p1 = v128.load(c1);
    q1 = v128.load(c1, 16);
    p2 = v128.load(c2);
    q2 = v128.load(c2, 16);
    p3 = v128.load(c3);
    q3 = v128.load(c3, 16);
    p4 = v128.load(c4);
    q4 = v128.load(c4, 16);
    p5 = v128.load(c5);
    q5 = v128.load(c5, 16);
  }
  const end = a + 4 * (TILE_ROWS as usize) * (depth as usize);
  let left = a;
  let right = b;
  while (left < end) {
    const x = v128.load(right);
    const y = v128.load(right, 16);
    let s = v128.load32_splat(left);
    p0 = madd(p0, s, x);
    q0 = madd(q0, s, y);
    s = v128.load32_splat(left, 4);
    p1 = madd(p1, s, x);
    q1 = madd(q1, s, y);
    s = v128.load32_splat(left, 8);
    p2 = madd(p2, s, x);
    q2 = madd(q2, s, y);
    s = v128.load32_splat(left, 12);
    p3 = madd(p3, s, x);
    q3 = madd(q3, s, y);
    s = v128.load32_splat(left, 16);
    p4 = madd(p4, s, x);
    q4 = madd(q4, s, y);
    s = v128.load32_splat(left, 20);
    p5 = madd(p5, s, x);
    q5 = madd(q5, s, y);
    left += 24;
    right += 32;
  }
  v128.store(c, p0);
  v128.store(c, q0, 16);
  v128.store(c1, p1);
  v128.store(c1, q1, 16);
  v128.store(c2, p2);
  v128.store(c2, q2, 16);
  v128.store(c3, p3);
  v128.store(c3, q3, 16);
  v128.store(c4, p4);
  v128.store(c4, q4, 16);
  v128.store(c5, p5);
  v128.store(c5, q5, 16);
}

/** A tile of fewer rows or columns than others, by way of a whole one. */
function edge(
  depth: i32,
  a: usize,
  b: usize,
  c: usize,
  step: usize,
  rows: i32,
  columns: i32,
  accumulate: bool,
  whole: usize,
): void {
  const width: usize = 4 * TILE_COLUMNS;
  const bytes = 4 * (columns as usize);
  if (accumulate) for (let i: usize = 0; i < (rows as usize); i++) memory.copy(whole + i * width, c + i * step, bytes);
  tile(depth, a, b, whole, width, accumulate);
  for (let i: usize = 0; i < (rows as usize); i++) memory.copy(c + i * step, whole + i * width, bytes);
}

/** The product of packed blocks: every tile of C [rows, columns]. */
function block(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  b: usize,
  c: usize,
  step: usize,
  accumulate: bool,
  whole: usize,
): void {
  for (let j = 0; j < columns; j += TILE_COLUMNS) {
    const right = b + 4 * (j as usize) * (depth as usize);
    const wide = min(TILE_COLUMNS, columns - j);
    for (let i = 0; i < rows; i += TILE_ROWS) {
      const left = a + 4 * (i as usize) * (depth as usize);
      const at = c + (i as usize) * step + 4 * (j as usize);
      const high = min(TILE_ROWS, rows - i);
      if (high === TILE_ROWS && wide === TILE_COLUMNS) tile(depth, left, right, at, step, accumulate);
      else edge(depth, left, right, at, step, high, wide, accumulate, whole);
    }
  }
}

/** c [n] += x [depth] B for B [depth, n], four rows of B at a time. */
function addRows(n: i32, depth: i32, x: usize, b: usize, step: usize, c: usize): void {
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const at = x + 4 * (k as usize);
    const s0 = v128.load32_splat(at);
    const s1 = v128.load32_splat(at, 4);
    const s2 = v128.load32_splat(at, 8);
    const s3 = v128.load32_splat(at, 12);
    let r0 = b + (k as usize) * step;
    let r1 = r0 + step;
    let r2 = r1 + step;
    let r3 = r2 + step;
    let to = c;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      let sum = madd(v128.load(to), s0, v128.load(r0));
      sum = madd(sum, s1, v128.load(r1));
      sum = madd(sum, s2, v128.load(r2));
      v128.store(to, madd(sum, s3, v128.load(r3)));
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      to += 16;
    }
    for (; j < n; j++) {
      let sum = madd(v128.load32_zero(to), s0, v128.load32_zero(r0));
      sum = madd(sum, s1, v128.load32_zero(r1));
      sum = madd(sum, s2, v128.load32_zero(r2));
      v128.store_lane<f32>(to, madd(sum, s3, v128.load32_zero(r3)), 0);
      r0 += 4;
      r1 += 4;
      r2 += 4;
      r3 += 4;
      to += 4;
    }
  }
  for (; k < depth; k++) {
    const s = v128.load32_splat(x + 4 * (k as usize));
    let from = b + (k as usize) * step;
    for (let to = c; to < c + 4 * (n as usize); to += 4) {
      v128.store_lane<f32>(to, madd(v128.load32_zero(to), s, v128.load32_zero(from)), 0);
      from += 4;
    }
  }
}

/** Adds four products of x and B^T to four sums, the rows of B `step` bytes apart. */
// @inline
function fourRows(before: v128, x: usize, r0: usize, step: usize): v128 {
  const r1 = r0 + step;
  const r2 = r1 + step;
  const v0 = v128.load(r0);
  const v1 = v128.load(r1);
  const v2 = v128.load(r2);
  const v3 = v128.load(r2 + step);
  const t0 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
  const t1 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const t2 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const t3 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  let sum = madd(before, v128.load32_splat(x), v128.shuffle<f32>(t0, t1, 0, 1, 4, 5));
  sum = madd(sum, v128.load32_splat(x, 4), v128.shuffle<f32>(t0, t1, 2, 3, 6, 7));
  sum = madd(sum, v128.load32_splat(x, 8), v128.shuffle<f32>(t2, t3, 0, 1, 4, 5));
  return madd(sum, v128.load32_splat(x, 12), v128.shuffle<f32>(t2, t3, 2, 3, 6, 7));
}

/** c [n] += x [depth] B^T for B [n, depth], sixteen sums at a time. */
function addProducts(n: i32, depth: i32, x: usize, b: usize, step: usize, c: usize): void {
  const whole: usize = 4 * ((depth & ~3) as usize);
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    const first = b + (j as usize) * step;
    const second = first + 4 * step;
    const third = second + 4 * step;
    const fourth = third + 4 * step;
    const to = c + 4 * (j as usize);
    let s0 = v128.load(to);
    let s1 = v128.load(to, 16);
    let s2 = v128.load(to, 32);
    let s3 = v128.load(to, 48);
    for (let k: usize = 0; k < whole; k += 16) {
      s0 = fourRows(s0, x + k, first + k, step);
      s1 = fourRows(s1, x + k, second + k, step);
      s2 = fourRows(s2, x + k, third + k, step);
      s3 = fourRows(s3, x + k, fourth + k, step);
    }
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (let i = 0; i < n; i++) {
    const row = b + (i as usize) * step;
    const to = c + 4 * (i as usize);
    let sum = v128.load32_zero(to);
    for (let k: usize = i < j ? whole : 0; k < 4 * (depth as usize); k += 4)
      sum = madd(sum, v128.load32_zero(x + k), v128.load32_zero(row + k));
    v128.store_lane<f32>(to, sum, 0);
  }
}

/** c [n] += x op(B) for one row x, whose elements are `xStep` bytes apart. */
function row(
  transposeB: bool,
  n: i32,
  depth: i32,
  x: usize,
  xStep: usize,
  b: usize,
  step: usize,
  c: usize,
  packed: usize,
): void {
  for (let k = 0; k < depth; k += BLOCK_K) {
    const count = min(BLOCK_K, depth - k);
    let from = x + (k as usize) * xStep;
    if (xStep !== 4) {
      for (let i: usize = 0; i < (count as usize); i++) store<u32>(packed + 4 * i, load<u32>(from + i * xStep));
      from = packed;
    }
    if (transposeB) addProducts(n, count, from, b + 4 * (k as usize), step, c);
    else addRows(n, count, from, b + (k as usize) * step, step, c);
  }
}

/**
 * C = op(A) op(B), with `accumulate` C += op(A) op(B).
 *
 * @param transposeA, transposeB whether A lies as [k, m], and B as [n, k]
 * @param a, lda where A begins and how many elements its rows are apart; B and C alike
 * @param c written to; it overlaps neither A nor B
 * @param workspace `workspaceBytes()` bytes
 */
export function gemm(
  transposeA: bool,
  transposeB: bool,
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  c: usize,
  ldc: i32,
  accumulate: bool,
  workspace: usize,
): void {
  const rowA: usize = transposeA ? 4 : 4 * (lda as usize);
  const kA: usize = transposeA ? 4 * (lda as usize) : 4;
  const step: usize = 4 * (ldb as usize);
  const stepC: usize = 4 * (ldc as usize);
  const packedA = workspace + TILE_BYTES;
  const packedB = packedA + A_BYTES;
  if (n === 1 && ldc === 1) {
    // as one row, of the transposed product
    if (!accumulate) memory.fill(c, 0, 4 * (m as usize));
    return row(!transposeA, m, k, b, transposeB ? 4 : step, a, 4 * (lda as usize), c, packedA);
  }
  if (m <= FEW_ROWS || k === 0) {
    for (let i: usize = 0; i < (m as usize); i++) {
      const to = c + i * stepC;
      if (!accumulate) memory.fill(to, 0, 4 * (n as usize));
      row(transposeB, n, k, a + i * rowA, kA, b, step, to, packedA);
    }
    return;
  }
  for (let j = 0; j < n; j += BLOCK_COLUMNS) {
    const columns = min(BLOCK_COLUMNS, n - j);
    for (let l = 0; l < k; l += BLOCK_K) {
      const depth = min(BLOCK_K, k - l);
      const adds = accumulate || l > 0;
      if (transposeB) {
        const from = b + (j as usize) * step + 4 * (l as usize);
        pack(TILE_COLUMNS, from, step, 4, columns, depth, packedB);
      } else {
        const from = b + (l as usize) * step + 4 * (j as usize);
        pack(TILE_COLUMNS, from, 4, step, columns, depth, packedB);
      }
      for (let i = 0; i < m; i += BLOCK_ROWS) {
        const rows = min(BLOCK_ROWS, m - i);
        pack(TILE_ROWS, a + (i as usize) * rowA + (l as usize) * kA, rowA, kA, rows, depth, packedA);
        const to = c + (i as usize) * stepC + 4 * (j as usize);
        block(rows, columns, depth, packedA, packedB, to, stepC, adds, workspace);
      }
    }
  }
}
