/**
 * Heads turned by their positions, between the order of tokens and that of heads.
 */
import { save, take } from './vectors';

// @inline
function turnAt(whole: bool, x: usize, y: usize, cos: usize, sin: usize, half: usize, other: usize): void {
  const first = take(whole, x);
  const second = take(whole, x + half);
  const a = f32x4.mul(first, take(whole, cos));
  const b = f32x4.mul(second, take(whole, cos + half));
  save(whole, y, f32x4.add(a, f32x4.mul(second, take(whole, sin + other))));
  save(whole, y + half, f32x4.add(b, f32x4.mul(first, take(whole, sin + half - other))));
}

/** Turns one head; `half` and `bytes` are the sizes of half its turned channels and of all. */
// @inline
function turn(x: usize, y: usize, cos: usize, sin: usize, half: usize, bytes: usize, other: usize): void {
  let at: usize = 0;
  for (; at + 16 <= half; at += 16) turnAt(true, x + at, y + at, cos + at, sin + at, half, other);
  for (; at < half; at += 4) turnAt(false, x + at, y + at, cos + at, sin + at, half, other);
  for (at = 2 * half; at < bytes; at += 4) store<f32>(y + at, load<f32>(x + at));
}

/**
 * y = (x1 c1 + x2 s1, x2 c2 + x1 s2) for the halves x1, x2 of the first `dim` channels of each head [d], with cosines c and sines s
 * [tokens, dim]. Other channels are copied. Tokens of x are in front of its heads, [batch, tokens, heads, d], and heads of y in front of
 * its tokens. `back` is the transpose: s1 and s2 change places, and so do the orders. Tables of the next sequence begin `step` bytes on.
 */
export function rotate(
  x: usize,
  y: usize,
  cos: usize,
  sin: usize,
  step: usize,
  batch: i32,
  tokens: i32,
  heads: i32,
  d: i32,
  dim: i32,
  back: bool,
): void {
  const half: usize = 2 * (dim as usize);
  const bytes: usize = 4 * (d as usize);
  const other: usize = back ? half : 0;
  const size: usize = (tokens as usize) * (heads as usize) * bytes;
  for (let i: usize = 0; i < (batch as usize); i++) {
    for (let t: usize = 0; t < (tokens as usize); t++) {
      const table = i * step + 2 * half * t;
      for (let h: usize = 0; h < (heads as usize); h++) {
        const byToken = i * size + (t * (heads as usize) + h) * bytes;
        const byHead = i * size + (h * (tokens as usize) + t) * bytes;
        const from = x + (back ? byHead : byToken);
        const to = y + (back ? byToken : byHead);
        turn(from, to, cos + table, sin + table, half, bytes, other);
      }
    }
  }
}
