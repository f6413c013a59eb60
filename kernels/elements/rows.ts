/**
 * Rows of bytes, copied.
 */

/** Copies `count` rows of `bytes` bytes; a step is the distance from row to row. */
export function copyRows(from: usize, fromStep: usize, to: usize, toStep: usize, bytes: usize, count: i32): void {
  let source = from;
  let target = to;
  for (let i = 0; i < count; i++) {
    if (bytes > 512) memory.copy(target, source, bytes);
    else {
      let at: usize = 0;
      for (; at + 16 <= bytes; at += 16) v128.store(target + at, v128.load(source + at));
      for (; at + 4 <= bytes; at += 4) store<u32>(target + at, load<u32>(source + at));
      for (; at < bytes; at++) store<u8>(target + at, load<u8>(source + at));
    }
    source += fromStep;
    target += toStep;
  }
}
