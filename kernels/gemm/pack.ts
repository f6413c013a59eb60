/**
 * Matrices as panels of a few rows, in which the elements for one k lie side by side: [row / width][k][width].
 */

/** Four elements and the rest of a panel's width, which is 6 or 8. */
// @inline
function copyWidth(width: i32, to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  if (width === 8) v128.store(to, v128.load(from, 16), 16);
  else store<u64>(to, load<u64>(from, 16), 16);
}

/** One panel of `count` rows, element by element; rows that it lacks are zero. */
// @inline
function packRest(width: i32, from: usize, step: usize, kStep: usize, count: i32, depth: i32, packed: usize): void {
  let to = packed;
  memory.fill(to, 0, 4 * (width as usize) * (depth as usize));
  for (let k: usize = 0; k < (depth as usize); k++) {
    for (let n: usize = 0; n < (count as usize); n++) store<u32>(to + 4 * n, load<u32>(from + n * step + k * kStep));
    to += 4 * (width as usize);
  }
}

/** Whole panels of a matrix whose rows lie side by side: reads on along the lines of two k, so that a cache line is written at once. */
// @inline
function packLines(width: i32, from: usize, kStep: usize, panels: i32, depth: i32, packed: usize): void {
  const bytes = 4 * (width as usize);
  const panel = bytes * (depth as usize);
  let k: usize = 0;
  for (; k + 2 <= (depth as usize); k += 2) {
    let at = from + k * kStep;
    let to = packed + k * bytes;
    for (let p = 0; p < panels; p++) {
      copyWidth(width, to, at);
      copyWidth(width, to + bytes, at + kStep);
      at += bytes;
      to += panel;
    }
  }
  if (k === (depth as usize)) return;
  let at = from + k * kStep;
  let to = packed + k * bytes;
  for (let p = 0; p < panels; p++) {
    copyWidth(width, to, at);
    at += bytes;
    to += panel;
  }
}

/** Four elements of four rows, transposed: those for one k lie `step` bytes from those for the one before. */
// @inline
function quadruple(to: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<f32>(lowAB, lowCD, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(lowAB, lowCD, 2, 3, 6, 7));
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to + 2 * step, v128.shuffle<f32>(highAB, highCD, 0, 1, 4, 5));
  v128.store(to + 3 * step, v128.shuffle<f32>(highAB, highCD, 2, 3, 6, 7));
}

/** Whole panels of any other matrix; four k at a time where they lie side by side. */
// @inline
function packRows(width: i32, from: usize, step: usize, kStep: usize, panels: i32, depth: i32, packed: usize): void {
  let to = packed;
  let first = from;
  for (let p = 0; p < panels; p++) {
    const second = first + step;
    const third = second + step;
    const fourth = third + step;
    const fifth = fourth + step;
    const sixth = fifth + step;
    let at: usize = 0;
    let k = 0;
    if (kStep === 4)
      for (; k + 4 <= depth; k += 4) {
        const bytes = 4 * (width as usize);
        quadruple(
          to,
          bytes,
          v128.load(first + at),
          v128.load(second + at),
          v128.load(third + at),
          v128.load(fourth + at),
        );
        const e = v128.load(fifth + at);
        const f = v128.load(sixth + at);
        if (width === 8) {
          const seventh = sixth + step;
          quadruple(to + 16, bytes, e, f, v128.load(seventh + at), v128.load(seventh + step + at));
        } else {
          const low = v128.shuffle<f32>(e, f, 0, 4, 1, 5);
          const high = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
          v128.store_lane<u64>(to + 16, low, 0);
          v128.store_lane<u64>(to + 16 + bytes, low, 1);
          v128.store_lane<u64>(to + 16 + 2 * bytes, high, 0);
          v128.store_lane<u64>(to + 16 + 3 * bytes, high, 1);
        }
        at += 16;
        to += 4 * bytes;
      }
    for (; k < depth; k++) {
      store<u32>(to, load<u32>(first + at));
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
    first += (width as usize) * step;
  }
}

/** Packs rows [0, rows) and k [0, depth) in panels of `width` rows; element (i, k) lies at from + i * step + k * kStep. */
// @inline
export function pack(width: i32, from: usize, step: usize, kStep: usize, rows: i32, depth: i32, packed: usize): void {
  const panels = rows / width;
  const whole = panels * width;
  if (step === 4) packLines(width, from, kStep, panels, depth, packed);
  else packRows(width, from, step, kStep, panels, depth, packed);
  if (whole === rows) return;
  const rest = packed + 4 * (whole as usize) * (depth as usize);
  packRest(width, from + (whole as usize) * step, step, kStep, rows - whole, depth, rest);
}
