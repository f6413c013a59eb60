/**
 * Low-rank factors in the order in which they are read.
 */
import { F32 } from './codes';

/**
 * Packs the A of one term, [rank, columns], as `merge` of kernels/merge.ts reads it.
 *
 * @param kind of the weights
 * @param to the panels' place in the first panel of all terms
 * @param step bytes from one panel of all terms to the next
 */
export function packA(kind: i32, from: usize, rank: i32, columns: i32, to: usize, step: usize): void {
  const row: usize = 4 * (columns as usize);
  const whole = columns & ~7;
  for (let j = 0; j < whole; j += 8) {
    let x = from + 4 * (j as usize);
    let y = to;
    for (let k = 0; k < rank; k++) {
      const low = v128.load(x);
      const high = v128.load(x, 16);
      v128.store(y, kind === F32 ? low : v128.shuffle<u32>(low, high, 0, 2, 4, 6));
      v128.store(y, kind === F32 ? high : v128.shuffle<u32>(low, high, 1, 3, 5, 7), 16);
      x += row;
      y += 32;
    }
    to += step;
  }
  if (whole === columns) return;
  memory.fill(to, 0, 32 * (rank as usize));
  for (let k = 0; k < rank; k++) {
    const x = from + (k as usize) * row;
    for (let j = whole; j < columns; j++) {
      const c = j - whole;
      const place = kind === F32 ? c : (c >> 1) | ((c & 1) << 2);
      store<f32>(to + 32 * (k as usize) + 4 * (place as usize), load<f32>(x + 4 * (j as usize)));
    }
  }
}

/**
 * Packs the B of one term, [rows, rank], as `merge` of kernels/merge.ts reads it.
 *
 * @param to the panels' place in the first panel of all terms
 * @param step bytes from one panel of all terms to the next
 */
export function packB(from: usize, rows: i32, rank: i32, to: usize, step: usize): void {
  for (let i = 0; i < rows; i += 4) {
    if (i + 4 > rows) memory.fill(to, 0, 16 * (rank as usize));
    for (let n = 0; n < min(4, rows - i); n++) {
      let y = to + 4 * (n as usize);
      for (let k = 0; k < rank; k++) {
        store<f32>(y, load<f32>(from));
        from += 4;
        y += 16;
      }
    }
    to += step;
  }
}
