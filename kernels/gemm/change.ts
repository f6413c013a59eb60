/**
 * The end of a product that changes a matrix: C = W + s F * C, in place.
 *
 * Tiles have no part in it: they need every register, and what a tile has just written is still near.
 */

/**
 * W + s F * sum for four sums of C at a place. A change is how many bytes W and F lie from C, 0 where F is 1, and s, in three words.
 */
// @inline
function changed(sum: v128, at: usize, change: usize): v128 {
  const factor = load<u32>(change, 4);
  const product = factor === 0 ? sum : f32x4.mul(v128.load(at + factor), sum);
  return f32x4.add(v128.load(at + load<u32>(change)), f32x4.mul(v128.load32_splat(change, 8), product));
}

/** c [n] = w + s f * c, in place: a product becomes the change of a matrix. */
export function finish(n: i32, c: usize, change: usize): void {
  const end = c + 4 * (n as usize);
  const factor = load<u32>(change, 4);
  let at = c;
  for (; at + 16 <= end; at += 16) v128.store(at, changed(v128.load(at), at, change));
  for (; at < end; at += 4) {
    const product = factor === 0 ? load<f32>(at) : load<f32>(at + factor) * load<f32>(at);
    store<f32>(at, load<f32>(at + load<u32>(change)) + load<f32>(change, 8) * product);
  }
}

/** The same for whole tiles of C, `step` bytes from row to row. */
export function finishTile(rows: i32, c: usize, step: usize, change: usize): void {
  for (let i: usize = 0; i < (rows as usize); i++) {
    const at = c + i * step;
    v128.store(at, changed(v128.load(at), at, change));
    v128.store(at, changed(v128.load(at, 16), at + 16, change), 16);
  }
}
