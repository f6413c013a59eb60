/**
 * Transposes of matrices that lie without gaps.
 */

/** Four rows of four elements, `step` bytes apart, as columns that are `toStep` bytes apart. */
// @inline
function square(from: usize, step: usize, to: usize, toStep: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + step);
  const c = v128.load(from + 2 * step);
  const d = v128.load(from + 3 * step);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(lowAB, lowCD, 0, 1, 4, 5));
  v128.store(to + toStep, v128.shuffle<f32>(lowAB, lowCD, 2, 3, 6, 7));
  v128.store(to + 2 * toStep, v128.shuffle<f32>(highAB, highCD, 0, 1, 4, 5));
  v128.store(to + 3 * toStep, v128.shuffle<f32>(highAB, highCD, 2, 3, 6, 7));
}

/** y [columns, rows] = x^T for x [rows, columns]. */
export function transpose(x: usize, y: usize, rows: i32, columns: i32): void {
  const step: usize = 4 * (columns as usize);
  const toStep: usize = 4 * (rows as usize);
  for (let i = 0; i < rows; i += 4)
    for (let j = 0; j < columns; j += 4) {
      const from = x + (i as usize) * step + 4 * (j as usize);
      const to = y + (j as usize) * toStep + 4 * (i as usize);
      if (i + 4 <= rows && j + 4 <= columns) square(from, step, to, toStep);
      else
        for (let a: usize = 0; a < (min(4, rows - i) as usize); a++)
          for (let b: usize = 0; b < (min(4, columns - j) as usize); b++)
            store<u32>(to + b * toStep + 4 * a, load<u32>(from + a * step + 4 * b));
    }
}
