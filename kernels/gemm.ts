/**
 * C = op(A) op(B), C += op(A) op(B) or C = W + s F * (op(A) op(B)), for float32 matrices in an imported memory.
 *
 * AssemblyScript, compiled by scripts/kernels.mjs, which takes `// @inline` for the decorator. Every element is one sum over
 * k = 0, 1, ... in float32, from zero or from C: blocks and tiles do not show in the result, nor does the place of an element in
 * its matrix. The plain build rounds each product; the relaxed one may use fused multiply-adds, and is not the same everywhere.
 *
 * The form is Goto and van de Geijn's (Anatomy of high-performance matrix multiplication, 2008): blocks of B that fit the second
 * cache and blocks of A are packed in panels, [column / 8][k][8] and [row / 6][k][6], so that the loop over k reads on and on. Tiles
 * follow each other along the rows of C, which the caches foresee: where k is small, writing C takes longer than the sums.
 *
 * The memory is another module's. Nothing is kept in it but in the workspace that the caller gives.
 */
import { finish, finishTile } from './gemm/change';
import { pack } from './gemm/pack';
import { BLOCK_K, row } from './gemm/rows';
import { tile, TILE_COLUMNS, TILE_ROWS } from './gemm/tile';

/** Block sizes: rows of A and columns of B. */
const BLOCK_ROWS: i32 = 96;
const BLOCK_COLUMNS: i32 = 1024;

/** Up to this many rows are multiplied one by one, without packing. */
const FEW_ROWS: i32 = 3;

const TILE_BYTES: usize = 4 * TILE_ROWS * TILE_COLUMNS;
const CHANGE_BYTES: usize = 16;
const A_BYTES: usize = 4 * BLOCK_ROWS * BLOCK_K;
const B_BYTES: usize = 4 * BLOCK_COLUMNS * BLOCK_K;

/** Bytes of the workspace: a tile, a change, a block of A, a block of B. */
export function workspaceBytes(): usize {
  return TILE_BYTES + CHANGE_BYTES + A_BYTES + B_BYTES;
}

/** memory.copy, which is a call, for the columns of a tile. */
// @inline
function copyFew(to: usize, from: usize, columns: i32): void {
  if (columns === TILE_COLUMNS) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
  } else for (let n: usize = 0; n < 4 * (columns as usize); n += 4) store<u32>(to + n, load<u32>(from + n));
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
  change: usize,
  whole: usize,
): void {
  const width: usize = 4 * TILE_COLUMNS;
  if (accumulate) for (let i: usize = 0; i < (rows as usize); i++) copyFew(whole + i * width, c + i * step, columns);
  tile(depth, a, b, whole, width, accumulate);
  for (let i: usize = 0; i < (rows as usize); i++) {
    copyFew(c + i * step, whole + i * width, columns);
    if (change !== 0) finish(columns, c + i * step, change);
  }
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
  change: usize,
  whole: usize,
): void {
  for (let i = 0; i < rows; i += TILE_ROWS) {
    const left = a + 4 * (i as usize) * (depth as usize);
    const high = min(TILE_ROWS, rows - i);
    for (let j = 0; j < columns; j += TILE_COLUMNS) {
      const right = b + 4 * (j as usize) * (depth as usize);
      const at = c + (i as usize) * step + 4 * (j as usize);
      const wide = min(TILE_COLUMNS, columns - j);
      if (high === TILE_ROWS && wide === TILE_COLUMNS) {
        tile(depth, left, right, at, step, accumulate);
        if (change !== 0) finishTile(TILE_ROWS, at, step, change);
      } else edge(depth, left, right, at, step, high, wide, accumulate, change, whole);
    }
  }
}

/**
 * C = op(A) op(B), with `accumulate` C += op(A) op(B), with `onto` C = W + s F * (op(A) op(B)).
 *
 * @param transposeA, transposeB whether A lies as [k, m], and B as [n, k]
 * @param a, lda where A begins and how many elements its rows are apart; B and C alike
 * @param c written to; it overlaps no other matrix
 * @param workspace `workspaceBytes()` bytes
 * @param onto where W lies, its rows as far apart as those of C; 0 for none, and there is none to accumulate onto
 * @param factor where F lies, in the same way; without it F is 1
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
  onto: usize,
  factor: usize,
  s: f32,
): void {
  const rowA: usize = transposeA ? 4 : 4 * (lda as usize);
  const kA: usize = transposeA ? 4 * (lda as usize) : 4;
  const step: usize = 4 * (ldb as usize);
  const stepC: usize = 4 * (ldc as usize);
  const packedA = workspace + TILE_BYTES + CHANGE_BYTES;
  const packedB = packedA + A_BYTES;
  const change: usize = onto === 0 ? 0 : workspace + TILE_BYTES;
  if (change !== 0) {
    store<u32>(change, (onto - c) as u32);
    store<u32>(change, factor === 0 ? 0 : ((factor - c) as u32), 4);
    store<f32>(change, s, 8);
  }
  if (n === 1 && ldc === 1) {
    // as one row, of the transposed product
    if (!accumulate) memory.fill(c, 0, 4 * (m as usize));
    row(!transposeA, m, k, b, transposeB ? 4 : step, a, 4 * (lda as usize), c, packedA);
    if (change !== 0) finish(m, c, change);
    return;
  }
  if (m <= FEW_ROWS || k === 0) {
    for (let i: usize = 0; i < (m as usize); i++) {
      const to = c + i * stepC;
      if (!accumulate) memory.fill(to, 0, 4 * (n as usize));
      row(transposeB, n, k, a + i * rowA, kA, b, step, to, packedA);
      if (change !== 0) finish(n, to, change);
    }
    return;
  }
  for (let j = 0; j < n; j += BLOCK_COLUMNS) {
    const columns = min(BLOCK_COLUMNS, n - j);
    for (let l = 0; l < k; l += BLOCK_K) {
      const depth = min(BLOCK_K, k - l);
      const adds = accumulate || l > 0;
      const last = l + BLOCK_K >= k ? change : 0;
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
        block(rows, columns, depth, packedA, packedB, to, stepC, adds, last, workspace);
      }
    }
  }
}
